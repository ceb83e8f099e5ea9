"""Counts that stay hidden so that no small one follows from the totals."""

import itertools

import numpy as np
import pytest

from helpers.masking import covered_sizes, covered_table, withheld


def test_a_table_without_small_counts_hides_nothing():
    assert not covered_table(np.array([[10, 0, 25], [0, 30, 12]]), least=10).any()


def test_one_small_count_takes_others_along_in_its_row_and_its_column():
    shut = covered_table(np.array([[3, 20, 40], [30, 50, 60], [70, 80, 90]]), least=10)
    # 20 is the smallest beside it, 30 the smallest below it; 50 then, or 20 and 30 would follow from their column and row
    assert shut.tolist() == [[True, True, False], [True, True, False], [False, False, False]]


def test_nothing_hides_behind_a_count_of_nobody():
    shut = covered_table(np.array([[3, 0, 40], [30, 50, 60]]), least=10)
    assert not shut[0, 1] and shut[0, 2]


@pytest.mark.parametrize("seed", range(20))
def test_no_small_count_can_be_worked_out_from_sums_of_rows_and_columns(seed):
    table = np.random.default_rng(seed).integers(0, 40, (4, 5))
    shut = covered_table(table, least=10)
    assert shut[(table > 0) & (table < 10)].all()
    for cells, numbers in itertools.chain(zip(shut, table, strict=True), zip(shut.T, table.T, strict=True)):
        together = numbers[cells].sum()
        assert cells.sum() != 1 and not 0 < together < 10


def test_an_empty_table_hides_nothing():
    assert covered_table(np.zeros((0, 3), dtype=int), least=10).shape == (0, 3)


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ([3, 36, 20, 22, 22], [True, False, True, False, False]),  # 103 less the others would tell 3: the 20 go with it
        ([3, 4, 36, 22], [True, True, False, True]),  # 7 together are too few still
        ([9, 9, 36], [True, True, False]),  # 18 together
        ([3, 0, 40, 60], [True, False, True, False]),  # nobody is no secret and hides nothing
        ([10, 36, 0], [False, False, False]),
        ([3, 0], [True, False]),
        ([], []),
    ],
)
def test_groups_hidden_together_count_min_cell_or_more(sizes, hidden):
    assert covered_sizes(sizes, least=10) == hidden


def test_what_step_six_withholds_stays_withheld_whatever_its_size():
    assert withheld({"n": 20, "shown": False}, 10) and withheld({"n": 9, "shown": True}, 10) and withheld({}, 10)
    assert not withheld({"n": 10}, 10) and not withheld({"n": 0, "shown": True}, 10)


def test_cells_hidden_for_another_reason_take_others_along():
    table = np.array([[20, 30, 40], [3, 50, 60]])
    shut = covered_table(table, least=10, shut=np.array([[True, False, False], [True, False, False]]))
    assert shut[:, 0].all() and shut[1].sum() == 2 and shut[0].sum() == 2
