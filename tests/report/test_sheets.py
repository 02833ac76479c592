"""Contact sheets: what is put where."""

import numpy as np
import pytest

from gprplus.core.contact_sheet import EMPTY, GAP, MARGIN, PAPER, contact_sheet
from gprplus.core.errors import ReportError

RED, BLUE = (200, 30, 30), (30, 30, 200)


def plain(colour: tuple[int, int, int], height: int = 20, width: int = 10) -> np.ndarray:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def test_unlabelled_cells_stand_side_by_side_with_a_gap_between() -> None:
    sheet = contact_sheet([[plain(RED), plain(BLUE)]], [""], ["", ""], height=40)
    assert sheet.shape == (40 + 2 * MARGIN, 2 * 20 + GAP + 2 * MARGIN, 3)
    assert sheet.dtype == np.uint8
    assert (sheet[MARGIN : MARGIN + 40, MARGIN : MARGIN + 20] == RED).all()
    assert (sheet[MARGIN : MARGIN + 40, MARGIN + 20 + GAP : MARGIN + 40 + GAP] == BLUE).all()
    assert tuple(sheet[0, 0]) == PAPER


def test_a_missing_image_is_an_empty_field_of_the_same_size() -> None:
    sheet = contact_sheet([[plain(RED), None]], [""], ["", ""], height=40)
    assert (sheet[MARGIN : MARGIN + 40, MARGIN + 20 + GAP : MARGIN + 40 + GAP] == EMPTY).all()


def test_a_sheet_of_nothing_but_holes_is_still_a_sheet() -> None:
    sheet = contact_sheet([[None, None]], ["foggy"], ["0", "90"], height=50)
    assert ((sheet == EMPTY).all(axis=-1)).sum() == 2 * 50 * 25


def test_labels_and_title_take_room_and_leave_ink() -> None:
    bare = contact_sheet([[plain(RED)]], [""], [""], height=120)
    named = contact_sheet([[plain(RED)]], ["foggy"], ["0"], title="Weather", height=120)
    assert named.shape[0] > bare.shape[0]
    assert named.shape[1] > bare.shape[1]
    assert (named.min(axis=-1) < 60).any(), "the text is dark on paper"
    assert (named == RED).all(axis=-1).sum() == (bare == RED).all(axis=-1).sum(), (
        "text never covers an image"
    )


def test_cells_have_the_median_aspect_and_other_images_fit_inside() -> None:
    images = [plain(RED, 10, 5), plain(RED, 10, 5), plain(BLUE, 300, 300)]
    sheet = contact_sheet([images], [""], [""] * 3, height=40)
    assert sheet.shape == (40 + 2 * MARGIN, 3 * 20 + 2 * GAP + 2 * MARGIN, 3)
    rows, columns = np.nonzero((sheet == BLUE).all(axis=-1))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20), "a square in a cell of 40 x 20"
    assert rows.min() == MARGIN + 10, "in the middle of its cell"


def test_one_wide_image_is_made_smaller_and_the_cells_stay_narrow() -> None:
    portraits = [[plain(BLUE, 128, 64)] * 3, [plain(BLUE, 128, 64), plain(RED, 50, 1000), None]]
    sheet = contact_sheet(portraits, ["", ""], ["", "", ""], height=160)
    assert sheet.shape[1] == 3 * 80 + 2 * GAP + 2 * MARGIN
    rows, columns = np.nonzero((sheet == RED).all(axis=-1))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (4, 80)
    assert rows.min() == MARGIN + 160 + GAP + 78  # in the middle of its cell


def test_wide_images_among_their_like_keep_their_height() -> None:
    sheet = contact_sheet([[plain(RED, 90, 160), plain(BLUE, 90, 160)]], [""], ["", ""], height=90)
    assert sheet.shape == (90 + 2 * MARGIN, 2 * 160 + GAP + 2 * MARGIN, 3)


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1)])
def test_a_line_of_pixels_is_drawn(shape: tuple[int, int]) -> None:
    sheet = contact_sheet(
        [[plain(RED, *shape), *[plain(BLUE, 128, 64)] * 2]], [""], ["", "", ""], height=160
    )
    assert max(sheet.shape) < 600


def test_a_long_title_ends_in_an_ellipsis() -> None:
    sheet = contact_sheet([[plain(RED)]], [""], [""], title="a/long/path/" * 100, height=40)
    assert sheet.shape[1] < 5 * 40 + 2 * MARGIN + 20


def test_a_label_too_long_for_its_column_is_cut_not_spilled() -> None:
    short = contact_sheet([[plain(RED)]], [""], ["x"], height=60)
    long = contact_sheet([[plain(RED)]], [""], ["a_very_long_level_name"], height=60)
    assert short.shape == long.shape


def test_a_label_of_several_words_breaks_at_spaces() -> None:
    one = contact_sheet([[plain(RED, 60, 30)]], [""], ["x"], height=60)
    two = contact_sheet([[plain(RED, 60, 30)]], [""], ["0042 dusk"], height=60)
    grown = two.shape[0] - one.shape[0]
    assert grown > 0
    assert two.shape[1] == one.shape[1]
    assert np.array_equal(two[-MARGIN - 60 :], one[-MARGIN - 60 :])


def test_the_same_sheet_twice_has_the_same_pixels() -> None:
    first, second = (contact_sheet([[plain(RED)]], ["é <b>"], ["0"], title="t") for _ in range(2))
    assert (first == second).all()


def test_cells_that_do_not_fill_the_grid_are_refused() -> None:
    with pytest.raises(ReportError, match="1 rows and 2 columns was given 1 rows of 1 cells"):
        contact_sheet([[None]], ["a"], ["b", "c"])
