import numpy as np
import pytest

from minivit.ops import gru_backward, gru_forward

H = np.array([[0.5, -0.25]])


def gates(reset, update, new):
    return np.concatenate([np.full((1, 2), value, float) for value in (reset, update, new)], axis=1)


def test_an_open_update_gate_hands_the_state_on_and_its_gradient_too():
    y, cache = gru_forward(gates(0, 50, 3), gates(0, 0, 3), H)
    np.testing.assert_array_equal(y, H)
    grads = gru_backward(np.array([[2.0, -3.0]]), cache)
    np.testing.assert_array_equal(grads.h, [[2, -3]])


def test_a_closed_one_replaces_it():
    y, cache = gru_forward(gates(0, -50, 3), gates(0, 0, 4), H)
    np.testing.assert_allclose(y, np.tanh(3 + 0.5 * 4) + 0 * H, rtol=1e-14)
    np.testing.assert_allclose(gru_backward(np.ones_like(H), cache).h, 0, atol=1e-20)


def test_a_closed_reset_gate_hides_the_state():
    y, _ = gru_forward(gates(-800, -50, 3), gates(0, 0, 4), H)
    np.testing.assert_allclose(y, np.tanh(3) + 0 * H, rtol=1e-14)


def test_gates_are_three_times_as_wide_as_the_state():
    with pytest.raises(ValueError, match=r"gru: gates_x has shape \(1, 5\); expected \(1, 6\)"):
        gru_forward(np.zeros((1, 5)), np.zeros((1, 5)), H)
