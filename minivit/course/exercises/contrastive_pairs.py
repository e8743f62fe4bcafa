"""CLIP's question, which text belongs to which image: unit vectors, similarities of all pairs, and the loss."""

from functools import partial
from math import log

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, lengths


def with_a_vector_of_zeros(rng: Generator) -> Case:
    B, D = lengths(rng, 2)
    x = rng.standard_normal((B, D))
    x[1] = 0
    return Case((x,), {})


def with_a_short_vector(rng: Generator) -> Case:
    """Shorter than 1e-12."""
    (x,), _ = with_a_vector_of_zeros(rng)
    x[1] = 3e-13 * unit(rng, x.shape[1])
    return Case((x,), {})


def unit(rng: Generator, *shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def compared(lowest: float = 0.2, highest: float = 1.5, *, one_scale: bool = False, ones: bool = True) -> Draw:
    """Draws vectors of images and of texts, not as many, and the logarithm of the scale of each image."""

    def drawn(rng: Generator) -> Case:
        B, S, D = lengths(rng, 3)
        make = unit if ones else lambda rng, *shape: rng.standard_normal(shape)
        t = rng.uniform(lowest, highest, 1 if one_scale else B)
        return Case((make(rng, B, D), make(rng, S, D), np.broadcast_to(t, B).copy()), {})

    return drawn


def similarities(scale: float = 2.0) -> Draw:
    def drawn(rng: Generator) -> Case:
        (B,) = lengths(rng, 1)
        return Case((scale * rng.standard_normal((B, B)),), {})

    return drawn


SIMILAR = {
    "": compared(),
    "of one scale for all": compared(2.0, 3.0, one_scale=True),
    "of vectors of any length": compared(ones=False),
    "beyond a scale of 100": compared(log(100) + 0.1, log(100) + 0.5),
}
LOGITS = {"": similarities(), "of large logits": similarities(400.0)}


def sizes_of_vectors(case: Case) -> dict[str, float]:
    image, text, _ = case.args
    return {"the images": len(image), "the texts": len(text), "the width": image.shape[1]}


def have_length_1(call: Call, rng: Generator) -> str | None:
    y = call(np.array([[3.0, 4.0], [-0.3, 0.4], [1e-3, 0.0]]))[0]
    sizes = np.sqrt((np.asarray(y) ** 2).sum(-1))
    if close(sizes, 1):
        return None
    found = ", ".join(f"{size:.10g}" for size in sizes)
    return f"(3, 4), (-0.3, 0.4) and (0.001, 0) must come out 1 long; yours are {found}"


def zeros_stay_zeros(call: Call, rng: Generator) -> str | None:
    y = call(np.array([[0.0, 0.0], [3.0, 4.0]]))[0]
    return (
        None if close(y[0], 0) else f"a vector of zeros has no direction and stays one; yours becomes {y[0].tolist()}"
    )


def short_ones_are_divided_by_a_constant(call: Call, rng: Generator) -> str | None:
    (y,), cache = call(np.array([[3e-13, -4e-13]]))
    if close(y, [0.3, -0.4]):
        length = getattr(cache, "length", None)
        as_it_was = isinstance(length, ndarray) and np.allclose(length, 5e-13, rtol=1e-6, atol=0)
        return CACHED_AS_IT_WAS if as_it_was else None
    given = ", ".join(f"{x:.4g}" for x in y)
    return f"a vector shorter than 1e-12 is divided by 1e-12: of (3e-13, -4e-13) comes (0.3, -0.4); yours is ({given})"


def images_stand_alone(call: Call, rng: Generator) -> str | None:
    """Shards of the images, against all texts, give rows of the whole."""
    (image, text, t), _ = SIMILAR[""](rng)
    whole = call(image, text, t)[0]
    shards = np.concatenate([call(image[i : i + 2], text, t[i : i + 2])[0] for i in range(0, len(image), 2)])
    return None if close(whole, shards) else "the logits of an image must be the same whatever images stand beside it"


def shards_do_not_add_up(call: Call, rng: Generator) -> str | None:
    """Who knows nothing of B pairs loses log(B): the loss of a batch is not the mean over its parts."""
    for B in (2, 8):
        loss = float(call(np.zeros((B, B)))[0])
        if not close(loss, log(B)):
            return f"whoever finds all of {B} texts alike loses log({B}) = {log(B):.6g}; yours loses {loss:.6g}"
    return None


def both_ways_count_alike(call: Call, rng: Generator) -> str | None:
    (logits,), _ = LOGITS[""](rng)
    same = close(call(logits)[0], call(logits.T.copy())[0])
    return None if same else "images and texts change roles where the logits are transposed, and the loss is the same"


def survives_large_logits(call: Call, rng: Generator) -> str | None:
    loss = float(call(np.array([[1000.0, 0.0], [0.0, 1000.0]]))[0])
    if abs(loss) < 1e-9:
        return None
    why = "" if np.isfinite(loss) else ": exp(1000) overflows"
    return f"who is sure by 1000, and right, loses 0; yours loses {loss:.6g}{why}"


CACHED_AS_IT_WAS = (
    "of a vector shorter than 1e-12 the cache has the length as it was; it has what was divided by, 1e-12, or backward "
    "divides by what may be 0"
)
LENGTH = "length = np.sqrt(row_dot(x, x))"
FLOOR = "length = np.where(np.real(length) < SHORTEST, x.dtype.type(SHORTEST), length)"
ALONG = "along = np.where(np.real(length) > SHORTEST, row_dot(dy, y), 0)"
SCALE = "scale = np.exp(logit_scale)[:, None]"
PRODUCT = "scale * (image @ text.T)"
DSCALE = "dlogit_scale = row_dot(image, dimage)[:, 0]"
MEAN = "(image_loss + text_loss) / 2"
OWN = "own = np.arange(len(logits), like=logits)"
OF_TEXTS = "text_loss, c_text = cross_entropy_forward(logits.T, own)"
BACK = "return LogitsGrad(dlogits + dtransposed.T)"
CLAMPED = (
    "the scale is held below 100 in forward. An optimizer does that, behind each step: what forward clamps has no "
    "gradient any more, and stays where it is"
)
NO_SLOPE = (
    "where the scale is above 100 the gradient of its logarithm is 0, as if forward clamped it; it does not: the "
    "optimizer does, behind each step"
)
vectors = partial(
    Task,
    cases={
        "": arrays("B D"),
        "of several axes": arrays("B N D"),
        "with a vector of zeros": with_a_vector_of_zeros,
        "with a vector shorter than 1e-12": with_a_short_vector,
    },
    simpler=ONE_SAMPLE,
)
compares = partial(
    Task,
    cases=SIMILAR,
    sizes=sizes_of_vectors,
    axes={"y": "image text", "dimage": "image width", "dtext": "text width", "dlogit_scale": "image"},
)
DIAGONAL = "half / len(dlogits) * np.eye(len(dlogits))"
NO_TEXTS = "the texts' way is missing; they look for their images in the columns: logits.T"
both_ways = partial(
    Task, cases=LOGITS, sizes=lambda case: {"the batch": len(case.args[0])}, axes={"dlogits": "image text"}
)
TASKS = (
    vectors(
        "unit_vectors_forward",
        properties=(
            Property("length 1", have_length_1),
            Property("zeros", zeros_stay_zeros),
            Property("short vectors", short_ones_are_divided_by_a_constant),
        ),
        mistakes={
            LENGTH: {
                "length = row_dot(x, x)": "divided by the squared length; take the root of the sum of squares",
                "length = abs(x).sum(-1, keepdims=True)": "divided by the sum of absolute values; the length is the "
                "root of the sum of squares",
                "length = abs(x).max(-1, keepdims=True)": "divided by the largest number; the length is the root of "
                "the sum of squares",
                "length = np.sqrt((x * x).mean(-1, keepdims=True))": "divided by the root of the mean of squares, as "
                "RMSNorm does; the length is that of the sum",
                "length = x.std(-1, keepdims=True)": "divided by the standard deviation, as a norm of layers does; the "
                "length is the root of the sum of squares",
                "x = x - x.mean(-1, keepdims=True); length = np.sqrt(row_dot(x, x))": "the mean is subtracted first; "
                "a vector keeps its direction",
                "length = np.sqrt((x * x).sum()) * np.ones_like(x[..., :1])": "all vectors are divided by one length; "
                "each by its own",
                "length = np.sqrt((x * x).sum(0, keepdims=True)) * np.ones_like(x)": "divided along the wrong axis: "
                "each vector is a row",
                "length = np.sqrt((x * x).sum(-1))[..., None] + 1e-6": "... digits only",
                "x /= np.sqrt(row_dot(x, x)); length = np.ones_like(x[..., :1])": "... you modified x in place",
            },
            FLOOR: {
                "length = length + x.dtype.type(SHORTEST)": "... of (3e-13, -4e-13) comes (0.3, -0.4); yours is (0.2",
                "pass": "... nan",
            },
            "UnitVectorsCache(y, length)": {
                "UnitVectorsCache(x, length)": "... cache.y is the argument x as it came",
                "UnitVectorsCache(y, length[..., 0])": "... cache.length has shape",
                "UnitVectorsCache(y, length**2)": "the cache has the squared length; it has what was divided by",
                "UnitVectorsCache(y, 1 / length)": "the cache has one over the length; it has what was divided by",
                "UnitVectorsCache(y, np.sqrt(row_dot(x, x)))": f"... {CACHED_AS_IT_WAS}",
            },
        },
        axes={"y": "sample width"},
    ),
    vectors(
        "unit_vectors_backward",
        mistakes={
            ALONG: {
                "along = np.zeros_like(length)": "the length was taken for a constant; it depends on x: subtract what "
                "dy has along y",
                "along = -np.where(np.real(length) > SHORTEST, row_dot(dy, y), 0)": "what dy has along y is added; it "
                "is subtracted",
                "along = row_dot(dy, y)": "a vector shorter than 1e-12 was divided by that constant, not by its "
                "length: its gradient is dy / 1e-12, and nothing is taken off along y",
                "along = np.where(np.real(length) > SHORTEST, dy.sum(-1, keepdims=True), 0)": "the sum runs over dy "
                "alone; it must run over dy * y",
                "along = np.where(np.real(length) > SHORTEST, (dy * y).mean(-1, keepdims=True), 0)": "the mean of dy * "
                "y is taken; it is their sum, the dot product",
                "along = np.where(np.real(length) > SHORTEST, row_dot(dy, y) / length, 0)": "what dy has along y is "
                "divided by the length once too often: y has length 1 already",
                "along = np.where(np.real(length) > SHORTEST, row_dot(dy, y) * length, 0)": "what dy has along y is "
                "not yet divided by the length, or x is taken for y: the dot product is that with the unit vector",
                "along = np.where(np.real(length) > SHORTEST, row_dot(dy, y) / length**2, 0)": "the length's cube "
                "belongs to x (x . dy); y has length 1 already, so all is divided by the length once",
                "along = np.where(np.real(length) > SHORTEST, (dy * y).sum(0), 0)": "the dot product runs along the "
                "wrong axis: each vector is a row",
                "along = np.where(np.real(length) > SHORTEST, (dy * y).sum(), 0)": "one number is summed over all "
                "vectors; each has its own dot product",
            },
            "dx = dy - y * along": {
                "dx = dy - along": "the dot product itself is subtracted; it is times y",
                "dx = -y * along": "dy itself is missing: dy - y (y . dy)",
                "dx = y * along": "only what dy has along y is left; that is what must be taken out",
                "dx = dy * (1 - y * y)": "only the diagonal of the Jacobian is there: each number of y depends on all "
                "of x",
            },
            "dx /= length": {
                "pass": "it is not yet divided by the length",
                "dx *= length": "it is multiplied by the length; divide by it: a long vector turns slowly",
                "dx /= length**2": "divided by the squared length; by the length",
                "dx /= -length": "... dx has the wrong sign",
                "dx /= length; dy *= 2": "... you modified dy in place",
            },
        },
        axes={"dx": "sample width"},
    ),
    compares(
        "scaled_similarities_forward",
        properties=(Property("images stand alone", images_stand_alone),),
        mistakes={
            SCALE: {
                "scale = logit_scale[:, None]": "that is the logarithm of the scale; the logits are multiplied by its "
                "exponential",
                "scale = np.exp(-logit_scale)[:, None]": "divided by exp(t); t is the logarithm of the *inverse* "
                "temperature, so multiply",
                "scale = 1 / logit_scale[:, None]": "t is taken for the temperature; it is the logarithm of "
                "its inverse",
                "scale = np.exp(np.minimum(logit_scale, np.log(100)))[:, None]": CLAMPED,
                "scale = np.exp(logit_scale[:1])[:, None] * np.ones((len(image), 1))": "the first image's scale is "
                "taken for all; each image is given one",
                "logit_scale = np.broadcast_to(np.resize(logit_scale, len(text)), (len(image), len(text)))\n    "
                "scale = np.exp(logit_scale)": "the scales go to the columns, as if each text had one; each image has, "
                "for its row",
                "scale = np.exp(logit_scale.mean()) * np.ones((len(image), 1))": "the mean of the scales is taken for "
                "all images; each is given one",
                "scale = np.log(logit_scale)[:, None]": "the logarithm is taken; t is the logarithm already: take its "
                "exponential",
                "scale = 2 ** logit_scale[:, None]": "t is a natural logarithm: np.exp",
                "scale = np.exp(logit_scale)[:, None] / image.shape[1] ** 0.5": "the similarities are divided by "
                "sqrt(D), as in attention; here a scale is learned instead",
            },
            PRODUCT: {
                "np.exp(logit_scale.mean()) * 0 + (image @ text.T)": "the scale is missing",
                "scale * ((image / np.sqrt((image**2).sum(-1, keepdims=True))) @ (text / np.sqrt((text**2).sum(-1, "
                "keepdims=True))).T)": "the vectors are normalised here; they come as they are to be compared: "
                "unit_vectors_forward has done that",
                "scale * (image @ text.T) / image.shape[1]": "... y is",
                "-scale * ((image[:, None] - text) ** 2).sum(-1)": "that is minus the squared distance; the "
                "similarity is the dot product",
                "(scale * (image @ text.T)).T": "... it equals the transpose",
                "scale + image @ text.T": "the scale is added; the similarities are multiplied by it",
            },
            "ScaledSimilaritiesCache(image, text, scale)": {
                "ScaledSimilaritiesCache(image, text, logit_scale[:, None])": "the cache has t; it has the scale, "
                "exp(t)",
                "ScaledSimilaritiesCache(image, text, scale[:, 0])": "... cache.scale has shape",
                "ScaledSimilaritiesCache(text, image, scale)": "... cache.image and cache.text are exchanged",
            },
            'check_shape("scaled_similarities: logit_scale", logit_scale, (len(image),))': {
                "logit_scale = np.resize(logit_scale, len(image))": "... it must raise a ValueError",
            },
        },
    ),
    compares(
        "scaled_similarities_backward",
        mistakes={
            "dproduct = scale * dy": {
                "dproduct = dy * np.ones_like(scale)": "the scale is missing: dy goes through the factor exp(t) first",
                "dproduct = dy / scale": "divided by the scale; forward multiplies by it, so backward does",
                "dproduct = np.log(scale) * dy": "t is multiplied by; the scale is exp(t)",
                "dproduct = scale * dy * (scale < 100)": "above a scale of 100 no gradient is passed on; forward does "
                "not clamp",
            },
            "dimage = dproduct @ text": {
                "dimage = dproduct @ np.broadcast_to(text.mean(0), text.shape)": "the mean text is taken for all of "
                "them in dimage",
                "dimage = dproduct @ text / len(text)": "dimage is the mean over the texts; it is the sum",
                "dimage = dy @ text": "the scale is missing in dimage",
            },
            "dtext = dproduct.T @ image": {
                "dtext = dy.T @ image": "the scale is missing in dtext",
                "dtext = dproduct.T @ image / len(image)": "dtext is the mean over the images; it is the sum: so "
                "shards of a batch add up",
                "dtext = dy.T @ image * scale.mean()": "the mean scale is taken for all images in dtext; each "
                "image has its own",
                "dtext = -dproduct.T @ image": "... dtext has the wrong sign",
                "dtext = (dproduct.T @ image).T": "... it equals the transpose",
            },
            DSCALE: {
                "dlogit_scale = (dy * (image @ text.T)).sum(-1)": "that is the gradient of the scale exp(t); of t it "
                "is times exp(t)",
                "dlogit_scale = (dproduct * (image @ text.T)).sum(-1) / scale[:, 0] ** 2": "divided by the scale; the "
                "exponential is its own derivative, so multiply",
                "dlogit_scale = row_dot(image, dimage)[:, 0] * scale[:, 0]": "the scale is in it twice: dimage has it "
                "already, and so have the logits",
                "dlogit_scale = (dproduct * (image @ text.T)).mean(-1)": "dlogit_scale is the mean over the texts; it "
                "is the sum",
                "dlogit_scale = np.full(len(image), (dproduct * (image @ text.T)).sum())": "each image gets the sum "
                "over all images; each gets its own, and the model sums them up",
                "dlogit_scale = np.full(len(image), (dproduct * (image @ text.T)).sum() / len(image))": "each image "
                "gets the mean over all images; each gets its own, and the model sums them up",
                "dlogit_scale = dproduct.sum(-1)": "the similarities are missing: t multiplies every one of them",
                "dlogit_scale = (dproduct * (image @ text.T)).sum(-1) * (scale[:, 0] <= 100)": NO_SLOPE,
                "dlogit_scale = (dproduct * (image @ text.T)).sum()": "... dlogit_scale has shape",
                "dlogit_scale = row_dot(image, dimage)": "... dlogit_scale has shape",
                "dlogit_scale = -row_dot(image, dimage)[:, 0]": "... dlogit_scale has the wrong sign",
                "dlogit_scale = 0 * scale[:, 0]": "... dlogit_scale is zero everywhere",
            },
            "ScaledSimilaritiesGrads(dimage, dtext, dlogit_scale)": {
                "ScaledSimilaritiesGrads(dtext, dimage, dlogit_scale)": "... exchanged",
            },
        },
    ),
    both_ways(
        "symmetric_cross_entropy_forward",
        properties=(
            Property("who knows nothing", shards_do_not_add_up),
            Property("both ways", both_ways_count_alike),
            Property("large logits", survives_large_logits),
        ),
        mistakes={
            OWN: {
                "own = np.zeros(len(logits), int)": "the first text is taken for everybody's; that of image b "
                "is text b",
                "own = np.arange(len(logits))[::-1].copy()": "texts are numbered from the end; that of image b is "
                "text b",
                "own = logits.argmax(1)": "what is found most similar is taken for right; that of image b is text b, "
                "found or not",
            },
            OF_TEXTS: {
                "text_loss, c_text = cross_entropy_forward(logits, own)": NO_TEXTS,
                f"{OF_TEXTS}; text_loss = image_loss": NO_TEXTS,
                f"{OF_TEXTS}; image_loss = text_loss": "the images' way is missing; they look for their "
                "texts in the rows",
                "text_loss, c_text = cross_entropy_forward((logits - logits.max(-1, keepdims=True)).T, own)": "what is "
                "subtracted from each row against overflow is still missing from it when the columns have their "
                "softmax; there each column's own is",
            },
            MEAN: {
                "(image_loss + text_loss)": "both ways are summed; it is their mean",
                "image_loss": NO_TEXTS,
                "(image_loss + text_loss) * len(logits) / 2": "... the batch: summed over it instead of averaged",
                "(image_loss + text_loss) / len(logits) / 2": "... y is",
                "-(c_image.log_probs.mean() + c_text.log_probs.mean()) / 2": "the logarithms of all pairs are "
                "averaged; only those of an image and its own text count, the diagonal",
                "-(image_loss + text_loss) / 2": "... y has the wrong sign",
                "(image_loss + text_loss) / 2 / np.log(len(logits))": "divided by log(B), what one loses who knows "
                "nothing; take the loss as it is",
                "np.mean([np.logaddexp(0, logits).mean() - logits.trace() / logits.size])": "that is yes or no for "
                "each pair by itself, wav2vec's and SigLIP's question; here an image has one softmax over all texts",
                "np.logaddexp(0, (1 - 2 * np.eye(len(logits))) * logits).sum() / len(logits)": "that is yes or no for "
                "each pair by itself, SigLIP's question; here an image has one softmax over all texts",
                "-np.mean(np.diag(logits) - np.log(np.exp(logits - logits.max()).sum()) - logits.max())": "one softmax "
                "runs over all pairs; each row has its own, and each column",
            },
            "SymmetricCrossEntropyCache(c_image, c_text)": {
                "SymmetricCrossEntropyCache(c_text, c_image)": "... are exchanged",
            },
        },
    ),
    both_ways(
        "symmetric_cross_entropy_backward",
        mistakes={
            "half = dy / 2": {
                "half = dy": "the half is missing: the loss is the mean of both ways",
                "half = 1 / 2": "dy is missing: the loss may be scaled later",
                "half = -dy / 2": "... dlogits has the wrong sign",
                "half = dy * len(cache.per_image.log_probs) / 2": "... the batch: summed over it instead of averaged",
            },
            BACK: {
                "return LogitsGrad(dlogits + dtransposed)": "what the texts say is not turned back: their logits were "
                "transposed, so their gradient is, too",
                "return LogitsGrad(dlogits)": "only the images' way is there; add that of the texts, transposed",
                "return LogitsGrad(dtransposed.T)": "only the texts' way is there; add that of the images",
                "return LogitsGrad(2 * dlogits)": "the texts' way is missing, and the images' counts twice; add that "
                "of the texts, transposed",
                "return LogitsGrad(dlogits - dtransposed.T)": "the texts' way is subtracted; gradients that meet are "
                "added",
                "return LogitsGrad(dlogits.T + dtransposed)": "... transposed: right after exchanging",
                "return LogitsGrad((dlogits + dtransposed.T) * np.eye(len(dlogits)))": "only an image and its own text "
                "get a gradient; the others are pushed apart",
                "return LogitsGrad((dlogits + dtransposed.T) * (1 - np.eye(len(dlogits))))": "an image and its own "
                "text get no gradient; they are pulled together",
            },
            "(dlogits,) = cross_entropy_backward(half, cache.per_image)": {
                f"(dlogits,) = cross_entropy_backward(half, cache.per_image); dlogits = dlogits + {DIAGONAL}": "1 is "
                "subtracted on the diagonal for both ways together; each of them subtracts 1, as much as 2 in all",
                "p, q = cache.per_image.log_probs, cache.per_text.log_probs.T; return LogitsGrad((p + q - 2 * "
                "np.eye(len(p))) * dy / (2 * len(p)))": "the logarithms of the probabilities are taken for the "
                "probabilities: np.exp of them",
            },
            "(dtransposed,) = cross_entropy_backward(half, cache.per_text)": {
                "(dtransposed,) = cross_entropy_backward(dy, cache.per_text)": "the texts' way counts in full; each "
                "of the two counts half",
            },
            "cross_entropy_backward(half, cache.per_image)": {
                "cross_entropy_backward(dy, cache.per_image)": "the images' way counts in full; each of the two counts "
                "half",
                "cross_entropy_backward(half, cache.per_image._replace(targets=0 * cache.per_image.targets + 1 / "
                "len(cache.per_image.targets)))": "what is right is missing in the images' way: softmax minus 1 on "
                "the diagonal",
            },
        },
    ),
)

CONTRASTIVE_PAIRS = Exercise(
    "contrastive_pairs",
    "images and texts: which belong together, as CLIP asks it",
    45,
    TASKS,
    offers=("np", "InputGrad", "LogitsGrad", "cross_entropy_forward", "cross_entropy_backward"),
    closed=tuple(f"minivit.ops.contrastive:unit_norm_{way}" for way in ("forward", "backward")),
    lecture="14_boxes_masks_words",
    section=6,
)
