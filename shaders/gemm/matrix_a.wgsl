// Operand a is a matrix in memory for each z: a row is where it begins.

alias RowA = u32;
alias StepA = u32;

fn row_a(z: u32, i: u32) -> RowA {
    return base_a(z * p.m + i);
}

fn step_a(q: Place) -> StepA {
    return q;
}

fn take_a(row: RowA, step: StepA) -> T {
    return load_a(row, step);
}
