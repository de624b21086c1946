//! A game board has cells, an accordion has reeds, and neither is the standard library's.
use refit_abi::{Deserialize, Serialize, State};

#[derive(State, Serialize, Deserialize)]
struct Cell {
    piece: Option<u8>,
}

#[derive(State, Serialize, Deserialize)]
struct Duration(u64);

#[derive(State, Serialize, Deserialize)]
struct Board {
    cells: Vec<Cell>,
    longest: self::Duration,
}

#[test]
fn compiles_and_gives_what_the_host_asks_for() {
    let board = Board {
        cells: vec![Cell { piece: None }],
        longest: Duration(1),
    };
    let _ = (board.cells[0].piece, board.longest.0, Board::schema_id());
}
