// Of each op the rates at which what comes out moves with what goes in: what because.js asks for.
//
// `by` has of each input what the rate of y[j] with element i is called, nothing if it is 1, and the
// rate, false where there is none. `slopes` are inputs in which y is not linear: of all others an
// element times its rate is its part in y. `sums` are inputs of which y is said to be the sum, x if
// not given; `words` say what y is, if it is none.

/** Whether the first so many places of two indices are the same; all, if nothing is said. */
const agree = (j, i, count = j.length) => j.every((at, axis) => axis >= count || at === i[axis]);

/** Whether broadcasting brings element i of an array of this shape to a place of a larger one. */
const reaches = (i, shape, place) =>
    i.every((at, axis) => shape[axis] === 1 || at === place.at(axis - i.length));

/** The number that broadcasting brings to a place. */
const stretched = (array, place) => array.at(array.shape.map((length, axis) =>
    length === 1 ? 0 : place.at(axis - array.shape.length)));

const sameRow = (j, i) => agree(j, i, j.length - 1);
const sameColumn = (j, i) => j.at(-1) === i.at(-1);

/** The probability that a standard normal number is below x, by Marsaglia's series of 2004. */
function probabilityBelow(x) {
    if (Math.abs(x) > 8.5) return x > 0 ? 1 : 0;
    let sum = x, term = x;
    for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) sum += term *= x * x / n;
    return 0.5 + sum * bell(x);
}

const bell = x => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);

/** The slope of x times the sigmoid of u(x), where u has the slope du. */
function gatedSlope(x, u, du) {
    const share = 1 / (1 + Math.exp(-u));
    return share + x * share * (1 - share) * du;
}

/** An op of one number, by its slope where x stands. */
const elementwise = slope => ({
    by: {x: ["slope", (kept, j, i, call) => agree(j, i) && Number(slope(kept, j, call))]},
});
const curved = slope => ({
    ...elementwise(slope),
    slopes: ["x"],
    words: (kept, j, call) => `${call.label} of ${elementIs("x", call.input("x"), j)}, where its slope is `
        + inDigits(Number(slope(kept, j, call))),
});
const curvedAtX = slope => curved(({x}, j) => slope(x.at(j)));
/** By x where it went in: of a y near its end too few digits are left. */
const curvedByY = (slope, slopeAtX) =>
    curved(({y}, j, call) => call.given("x") ? slopeAtX(call.input("x").at(j)) : slope(y.at(j)));

/** A convolution; of one along time `at` makes of an index that in maps with a single row. */
function convolving({at = index => index, x = "x", weight = "weight", padding = paddingBefore} = {}) {
    const ofCall = (kept, call) => call.once("window", () => {
        const [, Y, X, C] = kept[x].shape, [P, Q, CG, O] = kept[weight].shape;
        const group = o => Math.floor(o / (O / (C / CG)));
        return {...slidingOf(call, [Y, X], [P, Q], padding(call)), CG, group, size: [Y, X]};
    });
    return {by: {
        x: ["weight", (kept, to, from, call) => {
            const {over, CG, group} = ofCall(kept, call), [b, yo, xo, o] = at(to), [bi, y, x, c] = at(from);
            const place = b === bi && Math.floor(c / CG) === group(o) && over([yo, xo], [y, x]);
            return Boolean(place) && kept[weight].at([...place, c % CG, o]);
        }],
        weight: ["x", (kept, to, from, call) => {
            const {met, CG, group, size} = ofCall(kept, call), [b, yo, xo, o] = at(to);
            const [p, q, c, oi] = from.length === 3 ? [0, ...from] : from;
            if (o !== oi) return false;
            const place = met([yo, xo], [p, q]);
            return place.every((n, axis) => n >= 0 && n < size[axis]) && kept[x].at([b, ...place, group(o) * CG + c]);
        }],
        bias: ["", (kept, j, i) => sameColumn(j, i)],
    }};
}

const shift = {beta: ["", (kept, j, i, call) => reaches(i, call.shapeOf("beta"), j)]};

const scaling = (factor, by) => ({by: {
    x: [factor, (kept, j, i) => agree(j, i) && kept[factor].at(j.slice(-1))],
    [factor]: ["x", ({x}, j, i) => sameColumn(j, i) && x.at(j)],
    ...by,
}});

const OF_ONE_ROW = ", d being its place in the row and e that of dy";

/**
 * A norm: numbers that are normalised together, those of a row if nothing else is said.
 * @param mean 1, or 0 if none is subtracted
 * @param together(j, i, kept), at(j, kept): whether two are, and where what they have in common stands
 * @param size(kept): how many there are
 */
const normalizing = ({mean = 1, how, together = sameRow, at = j => [...j.slice(0, -1), 0],
    size = ({xhat}) => xhat.shape.at(-1), n = "D", by = shift}) => ({
    slopes: ["x"],
    words: ({xhat, gamma}, j) => `${elementIs("xhat", xhat, j)}, which is ${nameOf("x", j)} `
        + `${how}, times ${inDigits(stretched(gamma, j))}, its gamma${by.beta ? ", plus beta" : ""}`,
    by: {
        x: [`gamma[e] rstd ((e = d) − (${mean ? "1 + " : ""}xhat[e] xhat[d]) / ${n})${OF_ONE_ROW}`,
            (kept, j, i) => together(j, i, kept)
                && stretched(kept.gamma, j) * kept.rstd.at(at(j, kept))
                * (agree(j, i) - (mean + kept.xhat.at(j) * kept.xhat.at(i)) / size(kept))],
        gamma: ["xhat", ({xhat, gamma}, j, i) => reaches(i, gamma.shape, j) && xhat.at(j)],
        ...by,
    },
});

/** What a shorter vector is divided by, and so is not made of length 1. */
const SHORTEST = 1e-12;

/** A vector divided by its length. */
const directing = shortest => ({
    slopes: ["x"],
    words: ({length}, j) => `${nameOf("x", j)} over ${inDigits(length.at([...j.slice(0, -1), 0]))}, the length of its vector`,
    by: {x: [`((e = d) − y[e] y[d]) / length${OF_ONE_ROW}`, ({y, length}, j, i) => {
        const long = length.at([...j.slice(0, -1), 0]);
        return sameRow(j, i) && (agree(j, i) - (long > shortest && y.at(j) * y.at(i))) / long;
    }]},
});

/** The three gates of a recurrent unit: how much y moves with what is added in each, by state if it is from there. */
function gate(fromState) {
    return ({h, reset, update, new: fresh, from_h: fromH}, j, i) => {
        const D = h.shape.at(-1), which = Math.floor(i.at(-1) / D);
        if (!agree(j, [...i.slice(0, -1), i.at(-1) % D])) return false;
        const [r, z, n] = [reset, update, fresh].map(array => array.at(j)), ofNew = (1 - z) * (1 - n * n);
        return [ofNew * fromH.at(j) * r * (1 - r), (h.at(j) - n) * z * (1 - z), fromState ? ofNew * r : ofNew][which];
    };
}

/** Both parts of a derivative of cross-entropy: what is said, and what is true. */
function saidAndTrue({log_probs, targets}, i) {
    const rows = product(log_probs.shape.slice(0, -1));
    const total = sumOf(Array.from({length: targets.shape.at(-1)}, (_, c) => targets.at(scoreOf(i, c))));  // 1, as a rule
    return {said: Math.exp(log_probs.at(i)) * total / rows, truth: targets.at(i) / rows, rows};
}

/** The cotangent of a loss is one number. */
const cotangent = call => call.given("dy") ? call.input("dy").at([]) : call.option("dy")[0];

/** A loss that is the mean of what each number of x gives, by the slope of that; `name` is what is kept of x. */
const averaging = (name, slope) => ({
    slopes: ["x"],
    words: kept => `the mean of what each of the ${product(kept[name].shape)} numbers gives`,
    by: {x: ["", (kept, j, i) => slope(kept, i) / product(kept[name].shape)]},
    parts(call, _, i) {
        const array = call.kept[name], count = product(array.shape), of = {[name]: blankArray(array.shape)};
        const dy = cotangent(call), steep = slope(call.kept, i);
        of[name].set(i, dy * steep / count);
        return {of, words: `the slope ${inDigits(steep)} where ${elementIs(name, array, i)}, over `
            + `N = ${count}, times dy = ${inDigits(dy)}`};
    },
});

const PRODUCTS = {
    linear: {by: {
        x: ["weight", ({weight}, j, i) => sameRow(j, i) && weight.at([i.at(-1), j.at(-1)])],
        weight: ["x", ({x}, j, i) => sameColumn(j, i) && x.at([...j.slice(0, -1), i[0]])],
        bias: ["", (kept, j, i) => sameColumn(j, i)],
    }},
    conv2d: convolving(),
    conv1d: convolving({
        at: ([b, t, c]) => [b, 0, t, c], x: "conv2d.x", weight: "conv2d.weight",
        padding: call => [0, call.option("padding")[0]],
    }),
    conv_transpose2d: {by: {
        x: ["weight", ({weight}, [b, y, x, o], [bi, yi, xi, c]) => {
            const [P, Q] = weight.shape;
            return agree([b, Math.floor(y / P), Math.floor(x / Q)], [bi, yi, xi]) && weight.at([y % P, x % Q, c, o]);
        }],
        weight: ["x", ({x: map, weight: {shape: [P, Q]}}, [b, y, x, o], [p, q, c, oi]) =>
            agree([y % P, x % Q, o], [p, q, oi]) && map.at([b, Math.floor(y / P), Math.floor(x / Q), c])],
        bias: ["", (kept, j, i) => sameColumn(j, i)],
    }},
    map_products: {sums: ["vectors"], by: {
        vectors: ["maps", ({maps}, [b, m, y, x], i) => agree([b, m], i) && maps.at([b, y, x, i[2]])],
        maps: ["vectors", ({vectors}, [b, m, y, x], i) => agree([b, y, x], i) && vectors.at([b, m, i[3]])],
    }},
    mel_scale: {sums: ["S"], by: {
        S: ["mel_basis", ({mel_basis}, j, i) => agree(j, i, j.length - 2) && sameColumn(j, i)
            && mel_basis.at([j.at(-2), i.at(-2)])],
    }},
    scaled_similarities: {sums: ["image"], slopes: ["logit_scale"], by: {
        image: ["scale text", ({scale, text}, [b, s], i) => i[0] === b && scale.at([b, 0]) * text.at([s, i[1]])],
        text: ["scale image", ({scale, image}, [b, s], i) => i[0] === s && scale.at([b, 0]) * image.at([b, i[1]])],
        logit_scale: ["y", ({scale, image, text}, [b, s], i) => i[0] === b && scale.at([b, 0])
            * sumOf(Array.from({length: text.shape[1]}, (_, d) => image.at([b, d]) * text.at([s, d])))],
    }},
    spatial_gating: {sums: ["u"], by: {
        u: ["gate", ({gate}, j, i) => agree(j, i) && gate.at(j)],
        v: ["u weight", ({u, weight}, j, i) => agree(j, i, j.length - 2) && sameColumn(j, i)
            && u.at(j) * weight.at([i.at(-2), j.at(-2)])],
        weight: ["u v", ({u, v}, j, [m, n]) => n === j.at(-2) && u.at(j) * v.at([...j.slice(0, -2), m, j.at(-1)])],
        bias: ["u", ({u}, j, [n]) => n === j.at(-2) && u.at(j)],
    }},
};

const NORMS = {
    layer_norm: normalizing({how: "less the mean of its row, over the standard deviation"}),
    layer_norm_sample: normalizing({
        how: "less the mean of its sample, over the standard deviation", n: "N D",
        together: (j, i) => j[0] === i[0], at: ([b]) => [b, 0], size: ({xhat}) => product(xhat.shape.slice(1)),
    }),
    rms_norm: normalizing({mean: 0, how: "over the root mean square of its row", by: {}}),
    batch_norm: normalizing({
        how: "less the mean of its channel in the batch, over the standard deviation", n: "n",
        together: sameColumn, at: j => j.slice(-1),
        size: ({xhat}) => product(xhat.shape.slice(0, -1)),
    }),
    group_norm: normalizing({
        how: "less the mean of its group of channels, over the standard deviation", n: "n",
        together: (j, i, kept) => j[0] === i[0] && groupOf(j, kept) === groupOf(i, kept),
        at: (j, kept) => [j[0], groupOf(j, kept), 0],
        size: ({xhat, rstd}) => product(xhat.shape.slice(1)) / rstd.shape[1],
    }),
    unit_vectors: directing(SHORTEST),
    unit_norm: directing(0),
    weight_standardization: {
        slopes: ["weight"],
        words: ({divisor}, j) => `${nameOf("weight", j)} less the mean of all that make its output, over `
            + inDigits(divisor.at(j.slice(-1))),
        by: {weight: ["((e = d) − 1 / n − centered[e] centered[d] / (n std divisor)) / divisor",
            ({centered, std, divisor}, j, i) => {
                const n = product(centered.shape.slice(0, 3)), [deviation, by] = [std, divisor].map(it => it.at(j.slice(-1)));
                const along = deviation && centered.at(j) * centered.at(i) / (deviation * by);
                return sameColumn(j, i) && (agree(j, i) - (1 + along) / n) / by;
            }]},
    },
};

/** The group of channels that an element belongs to. */
const groupOf = (i, {xhat, rstd}) => Math.floor(i.at(-1) / (xhat.shape.at(-1) / rstd.shape[1]));

const ELEMENTWISE = {
    gelu: curvedAtX(x => probabilityBelow(x) + x * bell(x)),
    gelu_tanh: curvedAtX(x => gatedSlope(x, 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3),
        2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x))),
    quick_gelu: curvedAtX(x => gatedSlope(x, 1.702 * x, 1.702)),
    sigmoid: curvedByY(y => y * (1 - y), x => 1 / ((1 + Math.exp(-x)) * (1 + Math.exp(x)))),
    tanh: curvedByY(y => 1 - y * y, x => 1 / Math.cosh(x) ** 2),
    log_compression: curvedAtX(x => Math.sign(x) / (1 + Math.abs(x))),
    log_floor: curved(({x, low}, j) => low.at(j) ? 0 : 1 / x.at(j)),
    relu: elementwise(({positive}, j) => positive.at(j)),
    leaky_relu: elementwise(({positive}, j, call) =>
        positive.at(j) || call.option("negative_slope")[0]),
    dropout: elementwise((kept, j) => "factor" in kept ? kept.factor.at(j) : 1),
    drop_path: elementwise((kept, j) => "factor" in kept ? stretched(kept.factor, j) : 1),
    layer_scale: scaling("gamma", {}),
    affine: scaling("alpha", shift),
    gru: {
        slopes: ["gates_x", "gates_h"],
        words: ({update, new: fresh, h}, j) => `${inDigits(1 - update.at(j))} × new = ${inDigits(fresh.at(j))}, plus `
            + `${elementIs("update", update, j)} × ${elementIs("h", h, j)}`,
        by: {
            gates_x: ["slope", gate(false)],
            gates_h: ["slope", gate(true)],
            h: ["update", ({update}, j, i) => agree(j, i) && update.at(j)],
        },
    },
};

/** What the others of a row add up to: 1 − y, with all its digits. */
const othersInRow = (y, j) => sumOf(Array.from({length: y.shape.at(-1)}, (_, d) => d === j.at(-1) ? 0 : y.at(scoreOf(j, d))));

const SOFTMAX = {
    softmax: {
        slopes: ["x"],
        words: ({y}, j) => `exp of ${nameOf("x", j)} over the sum of exp of all `
            + `${y.shape.at(-1)} in its row; by that x its slope is `
            + inDigits(y.at(j) * othersInRow(y, j)),
        by: {x: [`y[e] ((e = d) − y[d])${OF_ONE_ROW}`, ({y}, j, i) =>
            sameRow(j, i) && y.at(j) * (agree(j, i) ? othersInRow(y, j) : -y.at(i))]},
    },
    log_softmax: {
        slopes: ["x"],
        words: ({y}, j) => `${nameOf("x", j)} less the logarithm of the sum of exp of all `
            + `${y.shape.at(-1)} in its row: the logarithm of ${inDigits(Math.exp(y.at(j)))}`,
        by: {x: [`((e = d) − exp y[d])${OF_ONE_ROW}`, ({y}, j, i) =>
            sameRow(j, i) && (agree(j, i) ? -Math.expm1(y.at(i)) : -Math.exp(y.at(i)))]},
    },
    cross_entropy: {
        slopes: ["logits"],
        words({log_probs, targets}) {
            const rows = product(log_probs.shape.slice(0, -1));
            const counts = whatCounts(targets, i => targets.at(i) > 0 && -log_probs.at(i) / rows);
            return sumInWords({name: "targets", factor: `−log_probs / ${rows}`, ...counts});
        },
        by: {logits: ["", (kept, j, i) => saidAndTrue(kept, i).said - saidAndTrue(kept, i).truth]},
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

const DISTANCES = {
    mse: averaging("difference", ({difference}, i) => 2 * difference.at(i)),
    l1: averaging("sign", ({sign}, i) => sign.at(i)),
    charbonnier: averaging("difference", ({difference, root}, i) => difference.at(i) / root.at(i)),
};

const KNOWN_OPS = {...PRODUCTS, ...OPS_THAT_ATTEND, ...SOFTMAX, ...NORMS, ...ELEMENTWISE, ...DISTANCES, ...OPS_THAT_MOVE};
