// Of each op, by how much an element of y moves with each element of its inputs: what because.js asks.
//
// KNOWN_OPS stand at the end; before them, what several of them share. j is the index of an element
// of y, i that of an element of an input; `kept` is the cache, and `call` knows options and shapes.

/** Whether broadcasting brings element i of an array of this shape to a place of a larger one. */
const reaches = (i, shape, place) =>
    i.every((at, axis) => shape[axis] === 1 || at === place.at(axis - i.length));

const sameRow = (j, i) => agree(j, i, j.length - 1);
const sameColumn = (j, i) => j.at(-1) === i.at(-1);
const sum = (count, term) => Array.from({length: count}, (_, n) => term(n)).reduce((a, b) => a + b, 0);
const pairOf = ([first, second = first]) => [first, second];

// Numbers one by one, and numbers that only move.

/** The probability that a standard normal number is below x, by Marsaglia's series of 2004. */
function probabilityBelow(x) {
    if (Math.abs(x) > 8.5) return x > 0 ? 1 : 0;
    let total = x, term = x;
    for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(total); n += 2) total += term *= x * x / n;
    return 0.5 + total * bell(x);
}

const bell = x => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** The slope of x times the sigmoid of u(x), where u has the slope du. */
function gatedSlope(x, u, du) {
    const share = 1 / (1 + Math.exp(-u));
    return share + x * share * (1 - share) * du;
}

/** An op of one number, by its slope. */
const elementwise = slope => ({
    by: {x: ["slope", (kept, j, i, call) => agree(j, i) && Number(slope(kept, j, call))]},
});
const curved = slope => ({
    by: {x: [...elementwise(slope).by.x, CURVED]},
    words: (kept, j, {label}) => `${label} of ${"x" in kept ? elementIs("x", kept.x, j)
        : nameOf("x", j)}, where its slope is ${inDigits(slope(kept, j))}`,
});
const curvedBy = slope => curved(({x}, j) => slope(x.at(j)));

/** What is drawn once for all numbers of a sample, or for each. */
const dropping = elementwise((kept, j) => "factor" in kept
    ? kept.factor.at(j.map((at, axis) => Math.min(at, kept.factor.shape[axis] - 1))) : 1);

/** An op that moves numbers and changes none, by where y[j] comes from; nothing comes from -1. */
const moving = (from, name = "x") =>
    ({by: {[name]: ["", (kept, j, i, call) => agree(from(j, call), i)]}});

/** Where a column of tokens is found in heads of this width. */
const inHeads = (j, width) =>
    [...j.slice(0, -2), Math.floor(j.at(-1) / width), j.at(-2), j.at(-1) % width];

/** Of pixel (y, x) of a picture of tiles, so many columns wide: its tile, and its place in that. */
function inTile([y, x], [rows, columns], width) {
    const across = Math.ceil(width / columns);
    return [Math.floor(y / rows) * across + Math.floor(x / columns), y % rows * columns + x % columns];
}

/** The pixel at such a place. */
function outOfTile([tile, place], [rows, columns], width) {
    const across = Math.ceil(width / columns), y = Math.floor(place / columns);
    return [Math.floor(tile / across) * rows + y, tile % across * columns + place % columns];
}

/** Where number n of a patch is found in the image. */
function inImage([b, patch, n], call) {
    const [, , X, C] = call.shapeOf("x"), size = pairOf(call.option("patch_size"));
    return [b, ...outOfTile([patch, Math.floor(n / C)], size, X), n % C];
}

/** Where a pixel is found among patches. */
function inPatches([b, y, x, c], call) {
    const [, , X, C] = call.yShape;
    const [patch, place] = inTile([y, x], pairOf(call.option("patch_size")), X);
    return [b, patch, place * C + c];
}

/** How far windows are moved, and round which map: with padding around, if that comes first. */
function windowsOf(call, [Y, X]) {
    const size = pairOf(call.option("window_size")), shift = pairOf(call.option("shift_size", [0]));
    const padFirst = call.says("pad_first", "True");
    const round = [Y, X].map((side, a) => padFirst ? Math.ceil(side / size[a]) * size[a] : side);
    return {size, shift, round};
}

/** Where a token of a window is found on the map; nowhere, if it is padding. */
function onMap([b, w, n, c], call) {
    const sides = call.shapeOf("x").slice(1, 3), {size, shift, round} = windowsOf(call, sides);
    const rolled = outOfTile([w, n], size, sides[1]);
    if (rolled.some((at, a) => at >= round[a])) return [-1];
    return [b, ...rolled.map((at, a) => (at + shift[a]) % round[a]), c];
}

/** Where a pixel of the map is found in windows. */
function inWindows([b, y, x, c], call) {
    const sides = call.yShape.slice(1, 3), {size, shift, round} = windowsOf(call, sides);
    const rolled = [y, x].map((at, a) => (at - shift[a] % round[a] + round[a]) % round[a]);
    return [b, ...inTile(rolled, size, sides[1]), c];
}

// Norms.

const SHIFT = {beta: ["", (kept, j, i) => sameColumn(j, i)]};

const scaling = (factor, by) => ({by: {
    x: [factor, (kept, j, i) => agree(j, i) && kept[factor].at(j.slice(-1))],
    [factor]: ["x", ({x}, j, i) => sameColumn(j, i) && x.at(j)],
    ...by,
}});

/** What is normalised together, each by its name: whether two numbers are, of how many, and where
    their deviation is found. */
const TOGETHER = {
    row: [sameRow, shape => shape.at(-1), j => [...j.slice(0, -1), 0]],
    channel: [sameColumn, shape => product(shape) / shape.at(-1), j => j.slice(-1)],
    sample: [([b], [other]) => b === other, shape => product(shape.slice(1)), ([b]) => [b, 0]],
};

/** Normalisation to variance 1, and to mean 0 unless it is by the root mean square. */
function normalizing(what, {mean = 1, by = SHIFT} = {}) {
    const [together, count, place] = typeof what === "string" ? TOGETHER[what] : what.together;
    const name = what.name ?? what, how = mean ? `less the mean of its ${name}, over the standard `
        + "deviation" : `over the root mean square of its ${name}`;
    return {
        words: ({xhat, gamma}, j) => `${elementIs("xhat", xhat, j)}, which is ${nameOf("x", j)} `
            + `${how}, times ${elementIs("gamma", gamma, j.slice(-1))}${by.beta ? ", plus beta" : ""}`,
        by: {
            x: [`gamma[e] rstd ((e = d) − (${mean ? "1 + " : ""}xhat[e] xhat[d]) / n), d being its `
                + `place in the ${name} of n numbers and e that of dy`,
            ({xhat, rstd, gamma}, j, i) => together(j, i, rstd, xhat.shape)
                && gamma.at(j.slice(-1)) * rstd.at(place(j, rstd, xhat.shape))
                * (agree(j, i) - (mean + xhat.at(j) * xhat.at(i)) / count(xhat.shape, rstd)), CURVED],
            gamma: ["xhat", ({xhat}, j, i) => sameColumn(j, i) && xhat.at(j)],
            ...by,
        },
    };
}

const groupOf = (j, rstd, shape) => [j[0], Math.floor(j.at(-1) * rstd.shape[1] / shape.at(-1)), 0];
const GROUP = {name: "group", together: [
    (j, i, rstd, shape) => agree(groupOf(j, rstd, shape), groupOf(i, rstd, shape)),
    (shape, rstd) => product(shape.slice(1)) / rstd.shape[1],
    groupOf,
]};

/** Vectors over their length; below `shortest` that counts as a constant. */
const directing = shortest => ({
    words: ({y, length}, j) => `${nameOf("x", j)} over ${inDigits(length.at([...j.slice(0, -1), 0]))}, `
        + `the length of its row of ${y.shape.at(-1)}`,
    by: {x: ["((e = d) − y[e] y[d]) / length, d being its place in the row and e that of dy",
        ({y, length}, j, i) => sameRow(j, i) && slopeOfDirection(y, length, j, i, shortest), CURVED]},
});

function slopeOfDirection(y, length, j, i, shortest = 1e-12) {
    const long = length.at([...j.slice(0, -1), 0]);
    return (agree(j, i) - (long > shortest ? y.at(j) * y.at(i) : 0)) / long;
}

// Windows that slide over a map.

/** Of each side of a map how a window of such a length slides along it: what `sliding.py` says. */
function slidingOf(call, sizes, kernel, stride = [1]) {
    const numbers = (name, otherwise) => kernel.map((_, axis) => {
        const found = call.option(name, otherwise);
        return found[axis] ?? found[0];
    });
    const steps = numbers("stride", stride), dilations = numbers("dilation", [1]);
    return kernel.map((length, axis) => {
        const size = sizes[axis], step = steps[axis], dilation = dilations[axis];
        const reach = dilation * (length - 1) + 1;
        const lacking = Math.max((Math.ceil(size / step) - 1) * step + reach - size, 0);
        const padding = call.says("padding", "same") ? [] : call.option("padding", [0]);
        const front = padding.length === 0 ? Math.floor(lacking / 2)
            : padding.length === 2 * kernel.length ? padding[2 * axis] : padding[axis] ?? padding[0];
        return {size, length, step, dilation, front};
    });
}

/** Which place of a window looks at pixel i, where it stands at position j; -1 if none. */
function placeOf({length, step, dilation, front}, j, i) {
    const place = (i + front - j * step) / dilation;
    return Number.isInteger(place) && place >= 0 && place < length ? place : -1;
}

/** Which pixel such a place looks at; -1 if it is padding. */
function pixelOf({size, step, dilation, front}, j, place) {
    const pixel = j * step + place * dilation - front;
    return pixel >= 0 && pixel < size ? pixel : -1;
}

/** Convolution over the axes between the first and the last; kept with as many in front as make two. */
function convolving(prefix, lift) {
    const among = (kept, call) => {  // the arrays, how windows slide, and of which channels
        const x = kept[`${prefix}x`], weight = kept[`${prefix}weight`], axes = call.yShape.length - 2;
        const sides = slidingOf(call, x.shape.slice(-1 - axes, -1), weight.shape.slice(-2 - axes, -2));
        return {x, weight, axes, sides, channels: weight.shape.at(-2)};
    };
    const first = (j, {weight, channels}, call) =>  // of the channels that y[j] reads
        Math.floor(j.at(-1) * call.option("groups", [1])[0] / weight.shape.at(-1)) * channels;
    return {by: {
        x: ["weight", (kept, j, i, call) => {
            const of = among(kept, call), channel = i.at(-1) - first(j, of, call);
            const places = of.sides.map((side, a) => placeOf(side, j[1 + a], i[1 + a]));
            return i[0] === j[0] && channel >= 0 && channel < of.channels && places.every(place => place >= 0)
                && of.weight.at([...lift, ...places, channel, j.at(-1)]);
        }],
        weight: ["x", (kept, j, i, call) => {
            const of = among(kept, call);
            const pixels = of.sides.map((side, a) => pixelOf(side, j[1 + a], i[a]));
            return sameColumn(j, i) && pixels.every(pixel => pixel >= 0)
                && of.x.at([j[0], ...lift, ...pixels, first(j, of, call) + i.at(-2)]);
        }],
        bias: SHIFT.beta,
    }};
}

/** Pooling: a rate for each place of a window. */
const pooling = (factor, rate) => ({by: {x: [factor, (kept, j, i, call) => {
    const kernel = pairOf(call.option("kernel_size"));
    const sides = slidingOf(call, call.shapeOf("x").slice(1, 3), kernel, kernel);
    const [p, q] = sides.map((side, a) => placeOf(side, j[1 + a], i[1 + a]));
    return i[0] === j[0] && sameColumn(j, i) && p >= 0 && q >= 0 && rate(kept, j, p * kernel[1] + q, product(kernel));
}]}});

// Losses.

/** The cotangent of a loss is one number. */
const cotangent = call => call.given("dy") ? call.input("dy").at([]) : call.option("dy")[0];

/** A loss that is the mean of what each number of an array gives, by the slope of that. */
const averaging = (name, by, slope) => ({
    words: kept => `the mean of what each of the ${product(kept[name].shape)} numbers gives`,
    by: {[by]: ["", (kept, j, i) => slope(kept, i) / product(kept[name].shape), CURVED]},
    parts(call, _, i) {
        const array = call.kept[name], count = product(array.shape), of = {[name]: blankArray(array.shape)};
        const dy = cotangent(call), steep = slope(call.kept, i);
        of[name].set(i, dy * steep / count);
        return {of, words: `the slope ${inDigits(steep)} where ${elementIs(name, array, i)}, over `
            + `N = ${count}, times dy = ${inDigits(dy)}`};
    },
});

/** Both parts of a derivative of cross-entropy: what is said, and what is true. */
function saidAndTrue({log_probs, targets}, i) {
    const rows = product(log_probs.shape.slice(0, -1));
    const total = sum(targets.shape.at(-1), c => targets.at(scoreAt(i, c)));  // of a row: 1, as a rule
    return {said: Math.exp(log_probs.at(i)) * total / rows, truth: targets.at(i) / rows, rows};
}

/** Of each op `by`: what the rate of y[j] with element i of an input is called, nothing if it is 1,
    the rate, false where there is none, and whether it is a slope of more than products. `words` say what y is, if no sum over inputs. */
const KNOWN_OPS = {
    linear: {by: {
        x: ["weight", ({weight}, j, i) => sameRow(j, i) && weight.at([i.at(-1), j.at(-1)])],
        weight: ["x", ({x}, j, i) => sameColumn(j, i) && x.at(scoreAt(j, i[0]))],
        bias: SHIFT.beta,
    }},
    conv2d: convolving("", []),
    conv1d: convolving("conv2d.", [0]),
    embedding: {by: {table: ["", ({tokens}, j, [row, d]) =>
        j.at(-1) === d && tokens.at(j.slice(0, -1)) === row]}},
    scaled_similarities: {
        words: ({image, text, scale}, [b, t]) => `scale ${inDigits(scale.at([b, 0]))} times the sum of `
            + `${image.shape[1]} products of image[${b}] and text[${t}]`,
        by: {
            image: ["scale text", ({text, scale}, j, i) => i[0] === j[0] && scale.at([j[0], 0]) * text.at([j[1], i[1]])],
            text: ["scale image", ({image, scale}, j, i) => i[0] === j[1] && scale.at([j[0], 0]) * image.at([j[0], i[1]])],
            logit_scale: ["y", ({image, text, scale}, [b, t], i) => i[0] === b && scale.at([b, 0])
                * sum(text.shape[1], d => image.at([b, d]) * text.at([t, d])), CURVED],
        },
    },
    spatial_gating: {
        words: ({u, gate}, j) => `${elementIs("u", u, j)} times ${elementIs("gate", gate, j)}, `
            + "what all tokens of v say in this channel",
        by: {
            u: ["gate", ({gate}, j, i) => agree(j, i) && gate.at(j)],
            v: ["u weight", ({u, weight}, j, i) => sameHead(j, i) && sameColumn(j, i)
                && u.at(j) * weight.at([i.at(-2), j.at(-2)])],
            weight: ["u v", ({u, v}, j, i) => j.at(-2) === i[1] && u.at(j) * v.at(valueAt(j, i[0]))],
            bias: ["u", ({u}, j, i) => j.at(-2) === i[0] && u.at(j)],
        },
    },
    softmax: {
        words: ({y}, j) => `exp of ${nameOf("x", j)} over the sum of exp of all `
            + `${y.shape.at(-1)} in its row; by that x its slope is `
            + inDigits(y.at(j) * (1 - y.at(j))),
        by: {x: ["y[e] ((e = d) − y[d]), d being its place in the row and e that of dy",
            ({y}, j, i) => sameRow(j, i) && y.at(j) * (agree(j, i) - y.at(i)), CURVED]},
    },
    log_softmax: {
        words: ({y}, j) => `${nameOf("x", j)} less the logarithm of the sum of exp of all `
            + `${y.shape.at(-1)} in its row: the logarithm of ${inDigits(Math.exp(y.at(j)))}`,
        by: {x: ["((e = d) − exp y[d]), d being its place in the row and e that of dy",
            ({y}, j, i) => sameRow(j, i) && agree(j, i) - Math.exp(y.at(i)), CURVED]},
    },
    attention: attending(j => j),
    multi_head_attention: attending((j, {v}) => inHeads(j, v.shape.at(-1))),
    cosine_attention: attendingByCosine(),
    additive_attention: attendingByTanh,
    local_attention: attendingNearby(),
    layer_norm: normalizing("row"),
    rms_norm: normalizing("row", {mean: 0, by: {}}),
    batch_norm: normalizing("channel"),
    group_norm: normalizing(GROUP),
    layer_norm_sample: normalizing("sample"),
    unit_norm: directing(0),
    unit_vectors: directing(1e-12),
    layer_scale: scaling("gamma", {}),
    affine: scaling("alpha", SHIFT),
    gelu: curvedBy(x => probabilityBelow(x) + x * bell(x)),
    gelu_tanh: curvedBy(x => gatedSlope(x, 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3),
        2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x))),
    quick_gelu: curvedBy(x => gatedSlope(x, 1.702 * x, 1.702)),
    sigmoid: curved(({y}, j) => y.at(j) * (1 - y.at(j))),
    tanh: curved(({y}, j) => 1 - y.at(j) ** 2),
    relu: elementwise(({positive}, j) => positive.at(j)),
    leaky_relu: elementwise(({positive}, j, call) =>
        positive.at(j) || call.option("negative_slope")[0]),
    dropout: dropping,
    drop_path: dropping,
    add_positions: {by: {
        x: ["", (kept, j, i) => agree(j, i)],
        positions: ["", (kept, j, i, call) => reaches(i, call.shapeOf("positions"), j)],
    }},
    relative_position_bias: moving(([h, n, m], call) => {
        const [rows, columns] = pairOf(call.option("window_size"));
        const down = Math.floor(n / columns) - Math.floor(m / columns), right = n % columns - m % columns;
        return [(down + rows - 1) * (2 * columns - 1) + right + columns - 1, h];
    }, "table"),
    prepend_token: {by: {
        x: ["", (kept, [b, n, d], i, {yShape, shapeOf}) =>
            agree([b, n - yShape[1] + shapeOf("x")[1], d], i)],
        token: ["", (kept, [, n, d], i) => agree([0, n, d], i)],
    }},
    prepend_mean: {by: {x: ["1, or 1 / N for the mean", (kept, [b, n, d], i, call) => n
        ? agree([b, n - 1, d], i) : i[0] === b && i[2] === d && 1 / call.shapeOf("x")[1]]}},
    first_token: moving(([b, d]) => [b, 0, d]),
    pick_token: moving(([b, d], {kept}) => [b, kept.places.at([b]), d]),
    prefix_tokens: moving(j => j),
    patch_tokens: moving(([b, n, d], call) => [b, n + call.option("num_prefix_tokens")[0], d]),
    patchify: moving(inImage),
    unpatchify: moving(inPatches),
    merge_patches: moving(([b, y, x, n], call) => {
        const C = call.shapeOf("x")[3], quarter = Math.floor(n / C);
        return [b, 2 * y + quarter % 2, 2 * x + Math.floor(quarter / 2), n % C];
    }),
    window_partition: moving(onMap),
    window_reverse: moving(inWindows),
    pixel_shuffle: moving(([b, y, x, c], call) => {
        const [r] = call.option("upscale");
        return [b, Math.floor(y / r), Math.floor(x / r), (c * r + y % r) * r + x % r];
    }),
    upsample_nearest: moving(([b, y, x, c], call) => {
        const [r, s] = pairOf(call.option("scale"));
        return [b, Math.floor(y / r), Math.floor(x / s), c];
    }),
    split_heads: moving((j, call) =>
        [...j.slice(0, -3), j.at(-2), j.at(-3) * call.yShape.at(-1) + j.at(-1)]),
    merge_heads: moving((j, call) => inHeads(j, call.shapeOf("x").at(-1))),
    mean_pool: {by: {x: ["1 / N", (kept, [b, d], i, call) => {
        const [first] = call.option("num_prefix_tokens");
        return i[0] === b && i[2] === d && i[1] >= first && 1 / (call.shapeOf("x")[1] - first);
    }]}},
    avg_pool2d: pooling("1 / places of a window", (kept, j, place, places) => 1 / places),
    max_pool2d: pooling("", ({winner}, j, place) => winner.at(j) === place),
    mse: averaging("difference", "x", ({difference}, i) => 2 * difference.at(i)),
    l1: averaging("sign", "x", ({sign}, i) => sign.at(i)),
    charbonnier: averaging("difference", "x", ({difference, root}, i) => difference.at(i) / root.at(i)),
    cross_entropy: {
        words({log_probs, targets}) {
            const rows = product(log_probs.shape.slice(0, -1));
            const counts = whatCounts(targets, i => targets.at(i) > 0 && -log_probs.at(i) / rows);
            return sumInWords({name: "targets", factor: `−log_probs / ${rows}`, ...counts});
        },
        by: {logits: ["", (kept, j, i) => saidAndTrue(kept, i).said - saidAndTrue(kept, i).truth, CURVED]},
        parts(call, name, i) {  // dy is one number: there is more to see in what it multiplies
            const {said, truth, rows} = saidAndTrue(call.kept, i), {log_probs, targets} = call.kept;
            const dy = cotangent(call);
            const of = {log_probs: blankArray(log_probs.shape), targets: blankArray(targets.shape)};
            of.log_probs.set(i, dy * said);
            of.targets.set(i, -dy * truth);
            return {of, words: `probability ${inDigits(said * rows)} minus target `
                + `${inDigits(truth * rows)}, over N = ${rows}, times dy = ${inDigits(dy)}`};
        },
    },
};
