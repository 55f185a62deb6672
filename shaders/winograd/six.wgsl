// What a line of a tile is made of, for four tiles at once: a component of a vector for each of them.
struct Six {
    a: vec4<T>,
    b: vec4<T>,
    c: vec4<T>,
    d: vec4<T>,
    e: vec4<T>,
    f: vec4<T>,
}
