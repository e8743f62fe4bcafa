"""Which future is the true one? wav2vec's pairs, distractors and logits; the loss stands in _logistic_loss."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import lengths, telling
from minivit.course.exercises._logistic_loss import LOSS_TASKS
from minivit.ops.future import future_pairs, other_frames


def all_steps(rng: Generator) -> Case:
    return Case((choose(rng, 9, 10, 11), choose(rng, 3, 4, 5), 1), {})


def further_ahead(rng: Generator) -> Case:
    return Case((choose(rng, 9, 10, 11), choose(rng, 3, 4), choose(rng, 2, 3)), {})


def beyond_the_end(rng: Generator) -> Case:
    return Case((choose(rng, 5, 6), choose(rng, 7, 8), choose(rng, 2, 3)), {})


def numbers_below(rng: Generator, B: int, T: int, N: int) -> np.ndarray:
    """What distractors are made of: some are the frame's own number, and some the last one that can be drawn."""
    drawn = rng.integers(0, T - 1, (B, T, N))
    drawn[:, 1, 0], drawn[0, :, 1] = 1, T - 2
    return drawn


def drawn(rng: Generator) -> Case:
    return Case((numbers_below(rng, *lengths(rng, 3)),), {})


def future(fewest: int, steps: tuple[int, ...], *, beyond: bool = False) -> Draw:
    """Draws what is said and the frames, some of which are distractors of several; no two lengths are equal."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, N, D = lengths(rng, 3)
            T, K, offset = choose(rng, 9, 10, 11), choose(rng, *steps), choose(rng, fewest, fewest + 1)
            if beyond:
                T, K = K, T
            pairs = len(future_pairs(T, K, offset).steps)
            if different((B, T, K, D, N), (B, pairs, 1 + N)) and 1 + N not in (B, T, K, D, pairs):
                break
        chosen = other_frames(numbers_below(rng, B, T, N))
        return Case((rng.standard_normal((B, T, K, D)), rng.standard_normal((B, T, D)), chosen), {"offset": offset})

    return drawn


PAIRS = {
    "": all_steps,
    "where the nearest step looks further ahead": further_ahead,
    "where steps look beyond the last frame": beyond_the_end,
}
FUTURES = {
    "": future(1, (3, 4)),
    "where the nearest step looks further ahead": future(3, (3, 4)),
    "where steps look beyond the last frame": future(2, (5, 6), beyond=True),
}


def sizes_of_pairs(case: Case) -> dict[str, float]:
    (B, T, K, D), N = case.args[0].shape, case.args[2].shape[2]
    names = {"the batch": B, "the frames": T, "the steps": K, "the width": D, "the distractors": N}
    return telling({**names, "the candidates": 1 + N})


def one_sound(case: Case) -> Case | None:
    return Case(tuple(arg[:1] for arg in case.args), case.kwargs)


def are_whole_numbers(call: Call, rng: Generator) -> str | None:
    """Arrays are read with them."""
    wrong = [name for name, array in call(9, 3, 1).items() if np.asarray(array).dtype.kind not in "iu"]
    return f"numbers of steps and frames are whole; yours are none in {' and '.join(wrong)}" if wrong else None


def no_frame_meets_itself(call: Call, rng: Generator) -> str | None:
    (numbers,), _ = drawn(rng)
    meets = np.argwhere(call(numbers) == np.arange(numbers.shape[1])[:, None])
    if len(meets) == 0:
        return None
    b, t, n = meets[0].tolist()
    return f"distractor {n} of frame {t} (sound {b}) is frame {t} itself, made of the number {numbers[b, t, n]}"


def every_other_once(call: Call, rng: Generator) -> str | None:
    """Whoever passes the frame over in another way may draw its neighbour twice as often."""
    T = 7
    found = np.sort(call(np.tile(np.arange(T - 1), (1, T, 1)))[0])
    for t in range(T):
        others = [j for j in range(T) if j != t]
        if found[t].tolist() != others:
            return (
                f"of the numbers 0 to {T - 2}, frame {t} must get {others}, each once; yours gets {found[t].tolist()}"
            )
    return None


def sounds_stay_apart(call: Call, rng: Generator) -> str | None:
    (h, z, chosen), options = FUTURES[""](rng)
    alone = call(h[1:2], z[1:2], chosen[1:2], **options)[0]
    same = np.allclose(call(h, z, chosen, **options)[0][1], alone[0], rtol=0, atol=1e-9)
    return None if same else "the logits of a sound must be the same whatever other sounds stand beside it in the batch"


ASKED = "np.arange(frames) >= offset + np.arange(steps)[:, None]"
LOOP = "for k, n in enumerate(range(offset, min(offset + K, T)))"
SAID = "said[:, n:, k] = h[:, : T - n, k]"
PUT_BACK = "dh[:, : T - n, k] = dsaid[:, n:, k]"
FROM_ALL = "places + T * np.arange(B, like=distractors)[:, None, None]"
FRAMES = "frames = z.reshape(B * T, D)[places]"
SUMMED = "(dz,) = embedding_backward(dframes, EmbeddingCache(places, (B * T, D)))"
KEPT = "return logits[:, about, steps], "
TOO_FEW = "each step has a pair too few: step k is about the frames from offset + k to T - 1, both included"
OF_OTHERS = "a frame's distractors must be of its own sound"
LOST = (
    "a frame is used many times, as the true one and as a distractor, and yours keeps one gradient of them; sum all of "
    "them (dz[places] += adds only one of those that are equal, np.add.at all)"
)
# over the steps; backward over the numbers of a frame, too, as np.bincount needs it
of_futures = partial(Task, sizes=sizes_of_pairs, simpler={"for one sample": one_sound}, loops={"h": (2,)})

TASKS = (
    Task(
        "future_pairs",
        PAIRS,
        (Property("whole numbers", are_whole_numbers),),
        mistakes={
            ASKED: {
                "np.arange(frames) > offset + np.arange(steps)[:, None]": TOO_FEW,
                "np.arange(frames) >= offset + 1 + np.arange(steps)[:, None]": TOO_FEW,
                "np.arange(frames) >= offset - 1 + np.arange(steps)[:, None]": "each step looks a frame too near: step "
                "k is about the frame offset + k later",
                "np.arange(frames) >= np.arange(steps)[:, None]": "the offset is forgotten: step 0 looks `offset` "
                "frames ahead",
                "np.arange(frames) >= 1 + np.arange(steps)[:, None]": "the nearest step looks one frame ahead, "
                "whatever offset says",
                "np.arange(frames) >= offset + 0 * np.arange(steps)[:, None]": "all steps look equally far; each looks "
                "one frame farther than the one before",
                "np.arange(frames) >= offset * (1 + np.arange(steps)[:, None])": "the offset is multiplied by the "
                "step; it is added",
                "np.arange(frames) + 0 * np.arange(steps)[:, None] >= 0": "of the first frames nothing was said yet: "
                "only j >= n_k",
                "np.arange(frames) >= offset + np.arange(steps)[:, None] + (np.arange(frames) >= frames - offset)": (
                    "... steps has shape"
                ),
                "(np.arange(frames) >= offset + np.arange(steps)[:, None]) & (np.arange(frames) < frames - 1)": (
                    TOO_FEW
                ),
                "np.arange(frames) >= offset + np.arange(steps - 1)[:, None]": "the last step is missing: there are "
                "`steps` of them, from 0 on",
                "(np.arange(frames) >= offset + steps - 1) & (np.arange(steps)[:, None] >= 0)": "every step has as "
                "many pairs as the farthest; the nearer ones have more",
            },
            "return FuturePairs(step, about)": {
                "return FuturePairs(about, step)": "... steps and about are exchanged",
                "return FuturePairs(step, about - offset - step)": "that is the frame at which it was said; asked for "
                "is the one that it is about, offset + k later",
                "return FuturePairs(step + 1, about)": "steps are counted from 1; count from 0",
                "return FuturePairs(step + offset, about)": "that is how far a step looks; asked for is its number, "
                "from 0 on",
                "order = np.lexsort((step, about)); return FuturePairs(step[order], about[order])": "the pairs come "
                "frame by frame; they come step by step, and within a step frame by frame",
                "return FuturePairs(step, frames - 1 - about)": "the frames are counted from the end",
                "return FuturePairs(step[::-1], about[::-1])": "the pairs come in reversed order: the nearest step is "
                "first, and of it the first frame",
                "return FuturePairs(step, about + 1)": "the frames are counted from 1; count from 0",
                "return np.stack((step, about))": "... it returned one array of shape",
                "return FuturePairs(step * 1.0, about)": "... numbers of steps and frames are whole",
                "return FuturePairs(list(step), list(about))": "... steps must be an array",
            },
        },
    ),
    Task(
        "other_frames",
        {"": drawn},
        (
            Property("no frame is a distractor of itself", no_frame_meets_itself),
            Property("each other frame is as frequent", every_other_once),
        ),
        {
            "drawn >= np.arange(drawn.shape[1])[:, None]": {
                "drawn > np.arange(drawn.shape[1])[:, None]": "a frame's own number stays, so a frame meets itself: "
                "numbers from there on become one more, the own one too",
                "drawn <= np.arange(drawn.shape[1])[:, None]": "the numbers up to the own one become one more; those "
                "from it on must",
                "drawn < np.arange(drawn.shape[1])[:, None]": "the numbers below the own one become one more; those "
                "from it on must",
                "drawn == np.arange(drawn.shape[1])[:, None]": "only the own number becomes one more, so the next "
                "frame is drawn twice as often, and the last one never",
                "drawn >= np.arange(len(drawn))[:, None, None]": "numbers are compared with the number of the sound; "
                "compare them with that of the frame, axis 1",
                "drawn >= np.arange(drawn.shape[2])": "numbers are compared with that of the distractor; compare them "
                "with that of the frame, axis 1",
                "1": "all numbers become one more; those below the frame's own stay",
                "0": "the numbers are left as they are; from the frame's own number on they become one more",
            },
            'check_numbers("other_frames: number", drawn, drawn.shape[1] - 1, "other frames")': {
                "pass": "... it must raise a ValueError",
                'check_numbers("drawn", drawn, drawn.shape[1], "frames")': "... in it it must raise a ValueError",
            },
            "return drawn + (": {
                "return drawn - (": "numbers from the own one on become one less; they become one more",
                "T = drawn.shape[1]; return (drawn + 1 + np.arange(T)[:, None]) % T + 0 * (": "counted on from the "
                "frame, in a circle: the same others, but asked for is that numbers below the frame's own stay, and "
                "those from it on become one more",
                "T = drawn.shape[1]; return np.where(drawn == np.arange(T)[:, None], T - 1, drawn) + 0 * (": "the last "
                "frame takes the place of the own one: the same others, but asked for is that numbers below the "
                "frame's own stay, and those from it on become one more",
                "return (drawn + 1) % drawn.shape[1] + 0 * (": "all numbers become one more; those below the frame's "
                "own stay",
                "drawn += 1; return drawn + (": "... you modified drawn in place",
                "return 1.0 * drawn + (": "... y is of float64; it must be of int64",
                "return np.unique(drawn) + 0 * (": "... ",
            },
        },
        axes={"y": "sound frame distractor"},
    ),
    of_futures(
        "future_logits_forward",
        FUTURES,
        (Property("sounds do not meet", sounds_stay_apart),),
        {
            LOOP: {
                "for k, n in enumerate(range(offset + 1, min(offset + K, T)))": "what was said is taken one frame too "
                "early: step k is about the frame offset + k later",
                "for k, n in enumerate(range(offset - 1, min(offset + K, T) - 1))": "what was said is taken one frame "
                "too late: step k is about the frame offset + k later",
                "for k, n in enumerate(range(1, min(1 + K, T)))": "the nearest step looks one frame ahead, whatever "
                "offset says",
                "for k, n in enumerate(range(min(K, T)))": "the offset is forgotten: step 0 looks `offset` frames "
                "ahead",
                "for k, n in enumerate([offset] * min(K, T - offset))": "all steps look equally far, by offset; each "
                "looks one frame farther than the one before",
            },
            SAID: {
                "said[:, :, k] = np.roll(h[:, :, k], n, 1)": "what leaves at the end comes back at the beginning "
                "(np.roll); of the first frames nothing was said, so there `said` is 0",
                "said[:, n:, k] = h[:, n:, k]": "what frame j itself says is taken; of frame j it was said at frame "
                "j - n_k",
                "said[:, n:, k] = h[:, : T - n, 0]": "what the first step says is taken for all; each step says "
                "something of its own: h[:, :, k]",
                "said[:, n:, k] = h[:, : T - n].mean(2)": "the mean of all steps is taken; each step says something of "
                "its own: h[:, :, k]",
                "said[:, n:, k] = h[:, : T - n, K - 1 - k]": "the steps are in reversed order",
                "said[:, n:, k] = h[:, : T - n, k][:, ::-1]": "what was said is read backwards in time",
                "said[:, n:, k] = h[:1, : T - n, k]": "what was said in the first sound is taken for all sounds",
                "said[:, : T - n, k] = h[:, n:, k]": "what is said n frames later is taken; it was said n_k frames "
                "before",
                "said[:, n:, k] = z[:, : T - n]": "frames meet frames; h must meet them, what was said at frame "
                "j - n_k",
                "said[:, n:, k] = np.exp(h[:, : T - n, k])": "... y",
            },
            "places = np.concatenate((truth, distractors), axis=2)": {
                "places = np.concatenate((distractors, truth), axis=2)": "the true frame comes last; it comes first",
                "places = np.concatenate((truth[:, ::-1], distractors), axis=2)": "the true frames are counted from "
                "the end",
                "places = np.concatenate((np.maximum(truth - 1, 0), distractors), axis=2)": "the true frame is taken "
                "one too early: it is frame j",
                "places = np.concatenate((truth, np.broadcast_to(distractors[:1], distractors.shape)), axis=2)": "all "
                "sounds have the distractors of the first; each has its own",
                "places = np.concatenate((truth, np.broadcast_to(distractors[:, :1], distractors.shape)), axis=2)": (
                    "all frames have the distractors of frame 0; each has its own"
                ),
                "places = np.concatenate((truth, (distractors + (distractors >= truth)) % T), axis=2)": "the "
                "distractors are passed through other_frames once more; they are numbers of frames already",
                "places = np.concatenate((truth, distractors[..., ::-1]), axis=2)": "the distractors are in reversed "
                "order",
                "places = np.concatenate((truth, 0 * distractors + truth), axis=2)": "the true frame stands in place "
                "of its distractors",
                "places = distractors": "... y has shape",
            },
            FROM_ALL: {
                "places": f"all frames are of the first sound; {OF_OTHERS}",
                "places + T * np.arange(B, like=distractors)[::-1, None, None]": f"the frames are of another sound; "
                f"{OF_OTHERS}",
                "places + T * ((np.arange(B, like=distractors)[:, None, None] + (places != "
                "np.arange(T)[:, None])) % B)": f"the distractors are of the next sound; {OF_OTHERS}",
                "places + T * (np.arange(B, like=distractors)[:, None, None] * (places == np.arange(T)[:, None]))": (
                    f"the distractors are of the first sound; {OF_OTHERS}"
                ),
                "places * B + np.arange(B, like=distractors)[:, None, None]": "frame j of sound b is row b T + j of "
                "the frames of all sounds; yours is j B + b",
                "places + D * np.arange(B, like=distractors)[:, None, None] * (T > D)": f"frames are counted through "
                f"the batch in steps of the width; {OF_OTHERS}",
            },
            FRAMES: {
                "frames = h[:, :, 0].reshape(B * T, D)[places]": "what was said meets what was said; it meets frames, "
                "z",
                f"{FRAMES} - z.mean(1)[:, None, None]": "... y",
                "z = z / np.linalg.norm(z, axis=2, keepdims=True); frames = z.reshape(B * T, D)[places]": "the frames "
                "are scaled to length 1; wav2vec takes plain dot products",
            },
            "logits = said @ frames.mT": {
                "logits = said @ frames.mT / np.sqrt(D).item()": "the dot products are divided by sqrt(D), as in "
                "attention; here nothing is divided",
                "logits = said @ frames.mT / D": "the dot products are divided by D; they are sums, not means",
                "logits = 1 / (1 + np.exp(-(said @ frames.mT)))": "those are sigmoids; the loss takes them, of logits",
                "logits = said @ frames.mT; logits = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)": "those "
                "are shares of the candidates, a softmax; asked for are the dot products themselves",
                "logits = z[:, :, None] @ frames.mT + np.zeros_like(said[..., :1])": "frame j meets its distractors; "
                "what was said of it meets them",
                "logits = said @ frames.mT; logits[..., 1:] *= -1": "the distractors have the other sign; that is for "
                "the loss to do",
                "logits = said @ frames.mT; logits[..., 1:] -= logits[..., :1]": "the true logit is subtracted from "
                "the others; each stands as it is",
                "logits = said.astype(np.float64) @ frames.mT": "... comes y in float64",
            },
            KEPT: {
                "c = z.reshape(B * T, D)[places[:, about - offset - steps]]; c[:, :, 0] = z[:, about]; return (c @ "
                "said[:, about, steps, :, None])[..., 0], ": "the distractors are those of the frame at which it was "
                "said; they belong to frame j that it is about",
                "y = logits[:, about, steps]; y[..., 0] = (said[:, about, steps] * z[:, about - steps]).sum(-1); "
                "return y, ": "the true frame is `offset` later for all steps; of step k it is offset + k later",
                "return (frames[:, about] @ h[:, about - offset - steps - 1, steps, :, None])[..., 0], ": "what was "
                "said is taken of one frame before; of frame j it was said at frame j - n_k",
                "return (frames[:, about] @ h[:, about - offset - steps + 1, steps, :, None])[..., 0], ": "what was "
                "said is taken of one frame later; of frame j it was said at frame j - n_k",
                "order = np.lexsort((steps, about)); return logits[:, about[order], steps[order]], ": "the pairs come "
                "frame by frame; they come as future_pairs has them, step by step",
                "return logits[:, about, steps].mT, ": "... it equals the transpose of the expected (last two axes)",
                "return logits[:, about, steps][..., ::-1], ": "the candidates are in reversed order: the true one is "
                "first",
                "return logits[:, about[::-1], steps[::-1]], ": "... reversed along the pair axis",
                "return logits.reshape(B, T * K, -1), ": "... y has shape",
                "return logits.swapaxes(1, 2).reshape(B, T * K, -1), ": "... y has shape",
                "return logits, ": "... y has shape",
            },
            "FutureLogitsCache(said=said,": {
                "FutureLogitsCache(said=h,": "that is h by the frame at which it was said; `said` is by the frame that "
                "it is about",
            },
            "places=places,": {
                "places=places - T * np.arange(B)[:, None, None],": "those are numbers within a sound; `places` counts "
                "through the frames of all sounds",
                "places=places[..., 1:],": "... cache.places has shape",
            },
            "offset=offset)": {"offset=offset + 1)": "... cache.offset is"},
            "if offset >= T": {"if False": "... it must raise a ValueError"},
            'check_numbers("future_logits: distractor", distractors, T, "frames")': {
                "pass": "... it must raise a ValueError",
                "distractors = distractors % T": "... it must raise a ValueError",
            },
        },
        axes={"y": "sound pair candidate"},
        uses=("future_pairs",),
    ),
    of_futures(
        "future_logits_backward",
        FUTURES,
        mistakes={
            "dlogits[:, about, steps] = dy": {
                "order = np.lexsort((steps, about)); dlogits[:, about[order], steps[order]] = dy": "dy is read frame "
                "by frame; its pairs come step by step, as future_pairs has them",
                "dlogits[:, about, steps] = dy[..., ::-1]": "the candidates of dy are in reversed order: the true one "
                "is first",
                "dlogits[:, about, steps, 0] = dy[..., 0]": "only the true frames count; the distractors have "
                "gradients, too",
                "dlogits[:, about, steps, 1:] = dy[..., 1:]": "only the distractors count; the true frames have "
                "gradients, too",
                "dlogits[:, about, steps] = dy; dlogits[..., 1:] *= -1": "the distractors have the other sign; dy has "
                "it already",
                "dlogits[:, about - offset - steps, steps] = dy": "dy is put at the frame at which something was said; "
                "it belongs to the one that it is about",
            },
            "dsaid = dlogits @ frames": {
                "dsaid = dlogits @ frames / frames.shape[2]": "... the candidates: averaged over it instead of summed",
                "dsaid = dlogits[..., :1] @ frames[..., :1, :]": "what was said gets the true frame only; it met its "
                "distractors, too",
                "dsaid = dlogits[..., 1:] @ frames[..., 1:, :]": "what was said gets its distractors only; it met the "
                "true frame, too",
                "dsaid = dlogits.sum(-1, keepdims=True) * frames[..., :1, :]": "what was said gets the true frame for "
                "all candidates; each has its own",
                "dsaid = -(dlogits @ frames)": "... dh has the wrong sign",
                "dsaid = np.broadcast_to((dlogits @ frames).sum(2, keepdims=True), said.shape)": "the steps are "
                "summed; each said something of its own and has its own gradient",
            },
            "dframes = dlogits.mT @ said": {
                "dframes = dlogits.mT @ said / K": "... the steps: averaged over it instead of summed",
                "dframes = dlogits.mT @ said; dframes[..., 1:, :] = 0": "only the true frame gets a gradient; its "
                "distractors do, too",
                "dframes = dlogits.mT @ said; dframes[..., :1, :] = 0": "only the distractors get a gradient; the true "
                "frame does, too",
                "dframes = dlogits[:, :, :1].mT @ said[:, :, :1]": "only the first step counts for the frames; all "
                "steps that are about a frame do",
                "dframes = dlogits.mT @ np.ones_like(said)": "what was said is missing: a frame gets it, times dy",
                "dframes = -(dlogits.mT @ said)": "... dz has the wrong sign",
            },
            SUMMED: {
                "dz = np.zeros((B * T, D), dy.dtype); dz[places] = dframes": LOST,
                "dz = np.zeros((B * T, D), dy.dtype); dz[places] += dframes": LOST,
                "dz = np.zeros((B * T, D), dy.dtype); dz[places[:, about]] += dy[..., None] * said[:, about, "
                "steps][:, :, None]": LOST,
                "dz = np.zeros((B * T, D), dy.dtype); d = dy[..., None] * said[:, about, steps][:, :, None]; "
                "dz[places[:, about, 0]] += d[:, :, 0]; np.add.at(dz, places[:, about, 1:], d[:, :, 1:])": LOST,
                "dz = np.zeros((B * T, D), dy.dtype); d = dy[..., None] * said[:, about, steps][:, :, None]; "
                "dz[places[:, about, 1:]] += d[:, :, 1:]; np.add.at(dz, places[:, about, 0], d[:, :, 0])": LOST,
                f"{SUMMED}; dz = dz / np.maximum(np.bincount(places.ravel(), minlength=B * T), 1)[:, None]": "a "
                "frame's gradients are averaged over the places where it was used; they are summed",
                "(dz,) = embedding_backward(dframes, EmbeddingCache(places % T, (B * T, D)))": "the gradients of all "
                "sounds are added to the first one; each has frames of its own",
                "(dz,) = embedding_backward(dframes, EmbeddingCache(places, (B * T, D))); dz = dz.reshape(B, T, "
                "D)[::-1].copy()": "... reversed along the sound axis",
                "dz = dframes[:, :, 0] + dframes[:, :, 1:].sum(2)": "the gradients of the distractors are given to the "
                "true frame; they belong to the frames that the distractors are",
                "dz = dframes.sum(2) / dframes.shape[2]": "... dz",
            },
            PUT_BACK: {
                "dh[:, n:, k] = dsaid[:, n:, k]": "the gradient stays at the frame that was spoken of; it belongs to "
                "the one at which it was said, n_k before",
                "dh[:, : T - n, 0] += dsaid[:, n:, k]": "all gradients are given to the first step; each step has its "
                "own",
                "dh[:, : T - n, K - 1 - k] = dsaid[:, n:, k]": "the steps are in reversed order",
                "dh[:, : T - n] += dsaid[:, n:, k][:, :, None]": "every step gets the gradients of all steps; each has "
                "its own",
                "dh[:, n:, k] = dsaid[:, : T - n, k]": "the gradient is moved on once more; it goes back to the frame "
                "at which it was said, n_k before",
                "dh[:, :, k] = np.roll(dsaid[:, :, k], n, 1)": "the gradient is moved on once more, in a circle; it "
                "goes back to the frame at which it was said, n_k before",
                "dh[:, : T - n, k] = dsaid[:, n:, k].mean(1, keepdims=True)": "... dh",
            },
            LOOP: {
                "for k, n in enumerate(range(offset + 1, min(offset + K, T)))": "the gradient is put one frame too "
                "early: it was said offset + k frames before",
                "for k, n in enumerate(range(offset - 1, min(offset + K, T) - 1))": "the gradient is put one frame too "
                "late: it was said offset + k frames before",
                "for k, n in enumerate([offset] * min(K, T - offset))": "all steps look equally far, by offset; each "
                "looks one frame farther than the one before",
            },
            "return FutureLogitsGrads(dh, dz.reshape(B, T, D))": {
                "return FutureLogitsGrads(dz.reshape(B, T, D), dh)": "... dh and dz are exchanged",
                "return FutureLogitsGrads(dh, dz)": "... dz has shape",
                "return FutureLogitsGrads(dh, dz.reshape(T, B, D).swapaxes(0, 1))": "... dz",
                "return FutureLogitsGrads(dh / T, dz.reshape(B, T, D))": "... the frames: averaged over it instead of "
                "summed",
                "return FutureLogitsGrads(dh, dz.reshape(B, T, D) / B)": "... the batch: averaged over it instead of "
                "summed",
                "return FutureLogitsGrads(dh[:, :, 0], dz.reshape(B, T, D))": "... dh has shape",
                "return FutureLogitsGrads(0 * dh, dz.reshape(B, T, D))": "... dh is zero everywhere",
            },
        },
        loops={"h": (2, 3)},
        axes={"dh": "sound frame step number", "dz": "sound frame number"},
        uses=("future_pairs",),
    ),
    *LOSS_TASKS,
)

CONTRASTIVE = Exercise(
    "contrastive",
    "the true future among distractors",
    50,
    TASKS,
    offers=("check_numbers", "sigmoid_forward"),
    lecture="10_listening",
    section=5,
)
