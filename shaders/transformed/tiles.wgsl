// Tiles in columns: a thread takes four neighbours, a component of a vector each.

// Where a tile is: of an image, at a row and a column of its tiles.
struct Tile {
    image: u32,
    y: u32,
    x: u32,
}

fn tile_at(column: u32) -> Tile {
    let row = column / p.tiles_x;
    return Tile(row / p.tiles_y, row % p.tiles_y, column % p.tiles_x);
}

fn following(t: Tile) -> Tile {
    let over_x = t.x + 1u == p.tiles_x;
    let over_y = over_x && t.y + 1u == p.tiles_y;
    return Tile(
        select(t.image, t.image + 1u, over_y),
        select(select(t.y, t.y + 1u, over_x), 0u, over_y),
        select(t.x + 1u, 0u, over_x),
    );
}
