// Places along k are numbers.

alias Place = u32;

fn steps(z: u32) -> u32 {
    return p.k;
}

fn place(z: u32, k: u32) -> Place {
    return k;
}

fn next(q: Place) -> Place {
    return q + 1u;
}

fn jump(q: Place) -> Place {
    return q + JUMP;
}
