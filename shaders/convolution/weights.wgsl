// Operand a: the weights of one input channel for each row; the table says where.

alias RowA = u32;
alias StepA = u32;

fn row_a(z: u32, i: u32) -> RowA {
    return p.w_source + group_of(z) * p.w_group + i * p.w_channel;
}

fn step_a(q: Place) -> StepA {
    return u32(get_table(q * WIDTH + 1u));
}

fn take_a(row: RowA, step: StepA) -> T {
    return read_w(row + step);
}
