// Places along k are entries of a table: what to add to the position of a window's corner, then the weight's position
// where WEIGHTED = 1, then how far it lies from the corner along each of AXES axes, the last first.
//
// The table is made once for each geometry: so there is no division and no counting in the loops.

const WIDTH: u32 = 1u + WEIGHTED + AXES;

alias Place = u32;

fn steps(z: u32) -> u32 {
    return phase(z).steps;
}

fn place(z: u32, k: u32) -> Place {
    return phase(z).first + k;
}

fn next(q: Place) -> Place {
    return q + 1u;
}

fn jump(q: Place) -> Place {
    return q + JUMP;
}
