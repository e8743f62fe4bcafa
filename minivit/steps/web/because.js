// What made a number: how much each input moves an output, or the parts that a gradient sums up.
//
// An op says one thing: the rate at which y[j] moves with element i of an input, by what its cache
// keeps. Both ways follow. A forward's y[j] has a rate for every i; a backward's gradient at i is
// the sum over all j of dy[j] times the same rate.

/**
 * @param label name of an op, as in minivit.every_op; way: "forward" or "backward"
 * @param arrays {inputs, cache, outputs}, each {name: array}; an array has shape and at(index)
 * @param options {name: Python's repr}, in a backward those of its forward, too
 * @param name and index of an element of an output or of a gradient: "y", "dx", "dweight"
 * @returns {of: {name: array}, words}, or null for an op that is not known. In `of` are derivatives
 *     of an output by each input, or what a gradient consists of: the sum is the gradient.
 */
function whatMade(label, way, arrays, options, name, index) {
    const op = Object.hasOwn(KNOWN_OPS, label) && KNOWN_OPS[label], forward = way === "forward";
    if (!op || !forward && !Object.hasOwn(op.by, name.slice(1))) return null;
    const known = arrays.outputs[name];  // a loss may be no array
    const head = known ? elementIs(name, known, index) : nameOf(name, index);
    const call = recordedCall(label, forward, arrays, options);
    try {
        const {of, words} = forward ? whatMadeOutput(op, call, index)
            : (op.parts ?? whatMadeGradient)(call, name.slice(1), index, op);
        return {of, words: `${head}: ${words}.`};
    } catch (error) {
        if (!error.isLacking) throw error;
        return {of: {}, words: `${head}: what made it ${error.message}.`};
    }
}

/** What ops ask of a call. It is an error to ask for what is not kept, or not as a whole. */
function recordedCall(label, forward, {inputs, cache, outputs}, options) {
    const lacking = why => Object.assign(new Error(`cannot be computed ${why}`), {isLacking: true});
    const whole = (arrays, name) => {
        if (!arrays[name]) throw lacking(`without ${name}, which is not kept`);
        if (arrays[name].cropped) throw lacking(`from a corner of ${name}, all that is kept`);
        return arrays[name];
    };
    return {
        label,
        kept: new Proxy(cache, {get: whole}),
        given: name => Object.hasOwn(inputs, name),
        input: name => whole(inputs, name),
        shapeOf: name => (forward ? inputs[name] : outputs[`d${name}`]).shape,
        yShape: (forward ? outputs.y : inputs.dy)?.shape ?? [],
        option(name, otherwise) {
            const text = (options[name] ?? "").replace(/np\.\w+/g, "");  // np.float32(0.5), (2, 3)
            const numbers = text.match(/-?\d[\d.]*(e[-+]?\d+)?/gi)?.map(Number) ?? otherwise;
            if (!numbers) throw lacking(`without ${name}, an option that is not kept`);
            return numbers;
        },
    };
}

function whatMadeOutput(op, call, j) {
    const names = Object.keys(op.by).filter(name => call.given(name) || !OPTIONAL.includes(name));
    const found = names.map(name => {
        const [factor, rate] = op.by[name];
        return {name, factor, ...whatCounts(call.input(name), i => rate(call.kept, j, i, call))};
    });
    const sums = found.filter(({name, factor}) => ["x", "v"].includes(name) || !factor);
    const of = Object.fromEntries(found.map(({name, rates}) => [name, rates]));
    const sum = sums.map(sumInWords).filter(Boolean).join(", plus ");
    return {of, words: op.words?.(call.kept, j, call) ?? sum};
}

function whatMadeGradient(call, name, i, op) {
    const [factor, rate] = op.by[name];
    const counts = whatCounts(call.input("dy"), j => rate(call.kept, j, i, call));
    const words = sumInWords({name: "dy", factor, ...counts});
    return {of: {dy: counts.parts}, words: words || `no y depends on ${nameOf(name, i)}`};
}

/** Of an array the rates and the products with them, wherever there is a rate and not false. */
function whatCounts(array, rateOf) {
    const rates = blankArray(array.shape), parts = blankArray(array.shape), terms = [];
    eachIndex(array.shape, place => {
        const found = rateOf(place);
        if (found === false) return;
        const rate = Number(found), part = array.at(place) * rate;
        rates.set(place, rate);
        parts.set(place, part);
        terms.push({part, rate, place});
    });
    return {rates, parts, terms};
}

/** A sum, with its largest terms; nothing if there are none. */
function sumInWords({name, factor, terms}) {
    const largest = [...terms].sort((a, b) => Math.abs(b.part) - Math.abs(a.part)).slice(0, 3);
    const named = largest.map(({part, rate, place}) => nameOf(name, place)
        + (factor && ` × ${inDigits(rate)}`) + ` = ${inDigits(part)}`).join(", ");
    if (terms.length < 2) return named + (factor && named && ` (${name} × ${factor})`);
    const what = factor ? `products ${name} × ${factor}` : `numbers of ${name}`;
    const which = terms.length > 3 ? "; the largest are" : ":";
    return `the sum of ${terms.length} ${what}${which} ${named}`;
}

const elementIs = (name, array, i) => `${nameOf(name, i)} = ${inDigits(array.at(i))}`;

/** An array of zeros that can be written to. */
function blankArray(shape) {
    const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
    const flat = new Float64Array(product(shape));
    const place = index => index.reduce((sum, at, axis) => sum + at * strides[axis], 0);
    const at = index => flat[place(index)];
    const set = (index, number) => { flat[place(index)] = number; };
    return {flat, shape, strides, offset: 0, at, set};
}

/** Visit every index in order. */
function eachIndex([length, ...rest], visit, start = []) {
    if (length === undefined) visit(start);
    for (let n = 0; n < length; n++) eachIndex(rest, visit, [...start, n]);
}

/** Whether the first so many places of two indices are the same; all, if nothing is said. */
const agree = (j, i, count = j.length) => j.every((at, axis) => axis >= count || at === i[axis]);

/** Whether broadcasting brings element i of an array of this shape to a place of a larger one. */
const reaches = (i, shape, place) =>
    i.every((at, axis) => shape[axis] === 1 || at === place.at(axis - i.length));

const sameRow = (j, i) => agree(j, i, j.length - 1);
const sameColumn = (j, i) => j.at(-1) === i[0];

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
    ...elementwise(({x}, j) => slope(x.at(j))),
    words: ({x}, j, {label}) =>
        `${label} of ${elementIs("x", x, j)}, where its slope is ${inDigits(slope(x.at(j)))}`,
});

/** An op that moves numbers and changes none, by where y[j] comes from. */
const moving = from => ({by: {x: ["", (kept, j, i, call) => agree(from(j, call), i)]}});

/** Where a column of tokens is found in heads of this width. */
const inHeads = (j, width) =>
    [...j.slice(0, -2), Math.floor(j.at(-1) / width), j.at(-2), j.at(-1) % width];

/** Where number n of a patch is found in the image. */
function inImage([b, patch, n], call) {
    const [rows, columns = rows] = call.option("patch_size"), [, , X, C] = call.shapeOf("x");
    const across = X / columns, pixel = Math.floor(n / C);
    const y = Math.floor(patch / across) * rows + Math.floor(pixel / columns);
    return [b, y, patch % across * columns + pixel % columns, n % C];
}

const OF_ONE_ROW = ", d being its place in the row and e that of dy";
const shift = {beta: ["", (kept, j, i) => sameColumn(j, i)]};

const scaling = (factor, by) => ({by: {
    x: [factor, (kept, j, i) => agree(j, i) && kept[factor].at(j.slice(-1))],
    [factor]: ["x", ({x}, j, i) => sameColumn(j, i) && x.at(j)],
    ...by,
}});

/** Layer normalisation, or without a mean (0 in place of 1) RMS normalisation. */
const normalizing = (mean, how, by) => ({
    words: ({xhat, gamma}, j) => `${elementIs("xhat", xhat, j)}, which is ${nameOf("x", j)} `
        + `${how}, times ${elementIs("gamma", gamma, j.slice(-1))}${by.beta ? ", plus beta" : ""}`,
    by: {
        x: [`gamma[e] rstd ((e = d) − (${mean ? "1 + " : ""}xhat[e] xhat[d]) / D)${OF_ONE_ROW}`,
            ({xhat, rstd, gamma}, j, i) => sameRow(j, i)
                && gamma.at(j.slice(-1)) * rstd.at([...j.slice(0, -1), 0])
                * (agree(j, i) - (mean + xhat.at(j) * xhat.at(i)) / xhat.shape.at(-1))],
        gamma: ["xhat", ({xhat}, j, i) => sameColumn(j, i) && xhat.at(j)],
        ...by,
    },
});

/** Attention; `place` says where an element of y is found in what the heads make. */
function attending(place) {
    const value = (j, s) => [...j.slice(0, -2), s, j.at(-1)];
    const score = (j, s) => [...j.slice(0, -1), s];
    const sameHead = (j, i) => agree(j, i, j.length - 2);
    const scale = ({q}, call) => call.option("scale", [1 / Math.sqrt(q.shape.at(-1))])[0];
    const pulls = ({weights, v}, j) => {  // how much y[j] moves with each score of its query
        const shares = Array.from({length: v.shape.at(-2)}, (_, s) => weights.at(score(j, s)));
        const mean = shares.reduce((sum, share, s) => sum + share * v.at(value(j, s)), 0);
        return shares.map((share, s) => share * (v.at(value(j, s)) - mean));
    };
    const rates = {
        q: ["scale Σ weights (v − y) k", (kept, j, i, call) => sameRow(j, i) && scale(kept, call)
            * pulls(kept, j).reduce((sum, pull, s) => sum + pull * kept.k.at(value(i, s)), 0)],
        k: ["scale weights (v − y) q", (kept, j, i, call) => sameHead(j, i) && scale(kept, call)
            * pulls(kept, j)[i.at(-2)] * kept.q.at(score(j, i.at(-1)))],
        v: ["weights", ({weights}, j, i) => sameHead(j, i) && j.at(-1) === i.at(-1)
            && weights.at(score(j, i.at(-2)))],
        bias: ["weights (v − y)", (kept, j, i, call) => {
            const shape = call.shapeOf("bias"), reached = s => reaches(i, shape, score(j, s));
            return reaches(i.slice(0, -1), shape, j.slice(0, -1))
                && pulls(kept, j).reduce((sum, pull, s) => sum + reached(s) * pull, 0);
        }],
    };
    return {by: Object.fromEntries(Object.entries(rates).map(([name, [factor, rate]]) =>
        [name, [factor, (kept, j, i, call) => rate(kept, place(j, kept), i, call)]]))};
}

/** Both parts of a derivative of cross-entropy: what is said, and what is true. */
function saidAndTrue({log_probs, targets}, i) {
    const rows = product(log_probs.shape.slice(0, -1));
    let total = 0;  // of a row of targets: 1, as a rule
    for (let c = 0; c < targets.shape.at(-1); c++) total += targets.at([...i.slice(0, -1), c]);
    return {said: Math.exp(log_probs.at(i)) * total / rows, truth: targets.at(i) / rows, rows};
}

/** Of each op `by`: what the rate of y[j] with element i of an input is called, nothing if it is 1,
    and the rate, false where there is none. `words` say what y is, if no sum over inputs. */
const KNOWN_OPS = {
    linear: {by: {
        x: ["weight", ({weight}, j, i) => sameRow(j, i) && weight.at([i.at(-1), j.at(-1)])],
        weight: ["x", ({x}, j, i) => j.at(-1) === i[1] && x.at([...j.slice(0, -1), i[0]])],
        bias: ["", (kept, j, i) => sameColumn(j, i)],
    }},
    softmax: {
        words: ({y}, j) => `exp of ${nameOf("x", j)} over the sum of exp of all `
            + `${y.shape.at(-1)} in its row; by that x its slope is `
            + inDigits(y.at(j) * (1 - y.at(j))),
        by: {x: [`y[e] ((e = d) − y[d])${OF_ONE_ROW}`, ({y}, j, i) =>
            sameRow(j, i) && y.at(j) * (agree(j, i) - y.at(i))]},
    },
    log_softmax: {
        words: ({y}, j) => `${nameOf("x", j)} less the logarithm of the sum of exp of all `
            + `${y.shape.at(-1)} in its row: the logarithm of ${inDigits(Math.exp(y.at(j)))}`,
        by: {x: [`((e = d) − exp y[d])${OF_ONE_ROW}`, ({y}, j, i) =>
            sameRow(j, i) && agree(j, i) - Math.exp(y.at(i))]},
    },
    attention: attending(j => j),
    multi_head_attention: attending((j, {v}) => inHeads(j, v.shape.at(-1))),
    layer_norm: normalizing(1, "less the mean of its row, over the standard deviation", shift),
    rms_norm: normalizing(0, "over the root mean square of its row", {}),
    gelu: curved(x => probabilityBelow(x) + x * bell(x)),
    gelu_tanh: curved(x => gatedSlope(x, 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3),
        2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x))),
    quick_gelu: curved(x => gatedSlope(x, 1.702 * x, 1.702)),
    relu: elementwise(({positive}, j) => positive.at(j)),
    leaky_relu: elementwise(({positive}, j, call) =>
        positive.at(j) || call.option("negative_slope")[0]),
    dropout: elementwise((kept, j) => "factor" in kept ? kept.factor.at(j) : 1),
    layer_scale: scaling("gamma", {}),
    affine: scaling("alpha", shift),
    add_positions: {by: {
        x: ["", (kept, j, i) => agree(j, i)],
        positions: ["", (kept, j, i, call) => reaches(i, call.shapeOf("positions"), j)],
    }},
    prepend_token: {by: {
        x: ["", (kept, [b, n, d], i, {yShape, shapeOf}) =>
            agree([b, n - yShape[1] + shapeOf("x")[1], d], i)],
        token: ["", (kept, [, n, d], i) => agree([0, n, d], i)],
    }},
    first_token: moving(([b, d]) => [b, 0, d]),
    patchify: moving(inImage),
    split_heads: moving((j, call) =>
        [...j.slice(0, -3), j.at(-2), j.at(-3) * call.yShape.at(-1) + j.at(-1)]),
    merge_heads: moving((j, call) => inHeads(j, call.shapeOf("x").at(-1))),
    mean_pool: {by: {x: ["1 / N", (kept, [b, d], i, call) => {
        const [first] = call.option("num_prefix_tokens");
        return i[0] === b && i[2] === d && i[1] >= first && 1 / (call.shapeOf("x")[1] - first);
    }]}},
    cross_entropy: {
        words({log_probs, targets}) {
            const rows = product(log_probs.shape.slice(0, -1));
            const counts = whatCounts(targets, i => targets.at(i) > 0 && -log_probs.at(i) / rows);
            return sumInWords({name: "targets", factor: `−log_probs / ${rows}`, ...counts});
        },
        by: {logits: ["", (kept, j, i) => saidAndTrue(kept, i).said - saidAndTrue(kept, i).truth]},
        parts(call, name, i) {  // dy is one number: there is more to see in what it multiplies
            const {said, truth, rows} = saidAndTrue(call.kept, i), {log_probs, targets} = call.kept;
            const dy = call.given("dy") ? call.input("dy").at([]) : call.option("dy")[0];
            const of = {log_probs: blankArray(log_probs.shape), targets: blankArray(targets.shape)};
            of.log_probs.set(i, dy * said);
            of.targets.set(i, -dy * truth);
            return {of, words: `probability ${inDigits(said * rows)} minus target `
                + `${inDigits(truth * rows)}, over N = ${rows}, times dy = ${inDigits(dy)}`};
        },
    },
};

const OPTIONAL = ["bias", "token"];
