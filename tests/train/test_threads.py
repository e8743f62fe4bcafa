"""Who computes: a pool of threads, each with one BLAS thread."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minivit.train.step import run_in_threads


def blas_threads(_: object = None) -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.skipif(not blas_threads(), reason="this BLAS cannot be asked")
@pytest.mark.parametrize("threads", [1, 2])
def test_every_matrix_product_runs_in_the_thread_that_asks_for_it(threads: int) -> None:
    with threadpool_limits(2, "blas"):
        assert set(blas_threads()) == {2}
        for found in run_in_threads(blas_threads, range(4), threads=threads):
            assert set(found) == {1}
        assert set(blas_threads()) == {2}
