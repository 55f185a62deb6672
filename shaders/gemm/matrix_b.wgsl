// Operand b is a matrix in memory for each z: a row is where it begins.

alias RowB = u32;
alias StepB = u32;

fn row_b(z: u32, i: u32) -> RowB {
    return base_b(z * p.n + i);
}

fn step_b(q: Place) -> StepB {
    return q;
}

fn take_b(row: RowB, step: StepB) -> T {
    return load_b(row, step);
}
