// How much an element of what attention gives moves with each element of its inputs; as in rates.js.

/** How much a mean of values moves with each score, the weights being a softmax of the scores. */
function pullsOf(count, weight, value) {
    const shares = Array.from({length: count}, (_, s) => weight(s));
    const mean = sum(count, s => shares[s] * value(s));
    return shares.map((share, s) => share * (value(s) - mean));
}

const valueAt = (j, s) => [...j.slice(0, -2), s, j.at(-1)];
const scoreAt = (j, s) => [...j.slice(0, -1), s];
const sameHead = (j, i) => agree(j, i, j.length - 2);

const pullsOfKeys = ({weights, v}, j) =>
    pullsOf(v.shape.at(-2), s => weights.at(scoreAt(j, s)), s => v.at(valueAt(j, s)));
const ofValues = {v: ["weights", ({weights}, j, i) => sameHead(j, i) && sameColumn(j, i)
    && weights.at(scoreAt(j, i.at(-2)))]};
const ofBias = {bias: ["weights (v − y)", (kept, j, i, call) => {
    const shape = call.shapeOf("bias"), pulls = pullsOfKeys(kept, j);
    return reaches(i.slice(0, -1), shape, j.slice(0, -1))
        && sum(pulls.length, s => reaches(i, shape, scoreAt(j, s)) && pulls[s]);
}, CURVED]};

/** Attention; `place` says where an element of y is found in what the heads make. */
function attending(place) {
    const scale = ({q}, call) => call.option("scale", [1 / Math.sqrt(q.shape.at(-1))])[0];
    const rates = {
        q: ["scale Σ weights (v − y) k", (kept, j, i, call) => sameRow(j, i) && scale(kept, call)
            * pullsOfKeys(kept, j).reduce((total, pull, s) => total + pull * kept.k.at(valueAt(i, s)), 0), CURVED],
        k: ["scale weights (v − y) q", (kept, j, i, call) => sameHead(j, i) && scale(kept, call)
            * pullsOfKeys(kept, j)[i.at(-2)] * kept.q.at(scoreAt(j, i.at(-1))), CURVED],
        ...ofValues, ...ofBias,
    };
    return {by: Object.fromEntries(Object.entries(rates).map(([name, [factor, rate, curved]]) =>
        [name, [factor, (kept, j, i, call) => rate(kept, place(j, kept), i, call), curved]]))};
}

/** Attention of directions, whose parts are kept as those of other ops. */
function attendingByCosine() {
    const parts = kept => ({weights: kept["attention.weights"], v: kept["attention.v"]});
    const sharpness = ({logit_scale}, h) => Math.exp(Math.min(logit_scale.at([h, 0, 0]), Math.log(100)));
    const pulls = (kept, j) =>
        pullsOfKeys(parts(kept), j).map(pull => pull * sharpness(kept, j.at(-3)));
    /** The slope of the cosine of query j and key s by element d of one of them. */
    const slope = (kept, of, other, j, s, d) => {
        const [mine, its] = of === "q" ? [j, valueAt(j, s)] : [valueAt(j, s), j];
        const y = kept[`${of}.y`], length = kept[`${of}.length`], width = y.shape.at(-1);
        return sum(width, e => kept[`${other}.y`].at([...its.slice(0, -1), e])
            * slopeOfDirection(y, length, [...mine.slice(0, -1), e], [...mine.slice(0, -1), d]));
    };
    const cosine = (kept, j, s) => sum(kept["q.y"].shape.at(-1), e =>
        kept["q.y"].at(scoreAt(j, e)) * kept["k.y"].at([...valueAt(j, s).slice(0, -1), e]));
    return {by: {
        q: ["Σ weights (v − y) times the slope of a cosine by q", (kept, j, i) => sameRow(j, i)
            && pulls(kept, j).reduce((total, pull, s) => total + pull * slope(kept, "q", "k", j, s, i.at(-1)), 0), CURVED],
        k: ["weights (v − y) times the slope of a cosine by k", (kept, j, i) => sameHead(j, i)
            && pulls(kept, j)[i.at(-2)] * slope(kept, "k", "q", j, i.at(-2), i.at(-1)), CURVED],
        v: ["weights", (kept, j, i) => ofValues.v[1](parts(kept), j, i)],
        logit_scale: ["scale Σ weights (v − y) cosine", (kept, j, i) => j.at(-3) === i[0]
            && kept.logit_scale.at(i) <= Math.log(100)
            && pulls(kept, j).reduce((total, pull, s) => total + pull * cosine(kept, j, s), 0), CURVED],
        bias: ["weights (v − y)", (kept, j, i, call) => ofBias.bias[1](parts(kept), j, i, call), CURVED],
    }};
}

/** Attention by a small network: vector · tanh(q + k). */
const attendingByTanh = {by: {
    q: ["Σ weights (v − y) vector (1 − hidden²)", (kept, j, i) => sameRow(j, i)
        && pullsOfKeys(kept, j).reduce((total, pull, s) => total + pull * slopeOfTanh(kept, j, s, i.at(-1)), 0), CURVED],
    k: ["weights (v − y) vector (1 − hidden²)", (kept, j, i) => sameHead(j, i)
        && pullsOfKeys(kept, j)[i.at(-2)] * slopeOfTanh(kept, j, i.at(-2), i.at(-1)), CURVED],
    ...ofValues,
    vector: ["Σ weights (v − y) hidden", (kept, j, i) => pullsOfKeys(kept, j).reduce((total, pull, s) =>
        total + pull * kept.hidden.at([...scoreAt(j, s), i[0]]), 0), CURVED],
}};

const slopeOfTanh = ({hidden, vector}, j, s, d) =>
    vector.at([d]) * (1 - hidden.at([...scoreAt(j, s), d]) ** 2);

/** Attention to the pixels of a window. */
function attendingNearby() {
    const windowOf = (call, {k}) => slidingOf(call, k.shape.slice(1, 3), pairOf(call.option("kernel_size")));
    const seen = (sides, j, s) => sides.map((side, a) =>
        pixelOf(side, j[1 + a], a ? s % side.length : Math.floor(s / sides[1].length)));
    const pixel = (array, sides, j, s, d) => {
        const [y, x] = seen(sides, j, s);
        return y < 0 || x < 0 ? 0 : array.at([j[0], y, x, j[3], d]);
    };
    const place = (sides, j, i) => {
        const [p, q] = sides.map((side, a) => placeOf(side, j[1 + a], i[1 + a]));
        return p < 0 || q < 0 || j[0] !== i[0] || j[3] !== i[3] ? -1 : p * sides[1].length + q;
    };
    const pulls = ({weights, v}, sides, j) => pullsOf(weights.shape.at(-1),
        s => weights.at(scoreAt(j, s)), s => pixel(v, sides, j, s, j.at(-1)));
    return {by: {
        q: ["Σ weights (v − y) (k + relative)", (kept, j, i, call) => sameRow(j, i)
            && pulls(kept, windowOf(call, kept), j).reduce((total, pull, s) => total + pull
                * (pixel(kept.k, windowOf(call, kept), j, s, i.at(-1))
                    + ("relative" in kept ? kept.relative.at([j[3], s, i.at(-1)]) : 0)), 0), CURVED],
        k: ["weights (v − y) q", (kept, j, i, call) => {
            const sides = windowOf(call, kept), s = place(sides, j, i);
            return s >= 0 && pulls(kept, sides, j)[s] * kept.q.at(scoreAt(j, i.at(-1)));
        }, CURVED],
        v: ["weights", (kept, j, i, call) => {
            const s = sameColumn(j, i) ? place(windowOf(call, kept), j, i) : -1;
            return s >= 0 && kept.weights.at(scoreAt(j, s));
        }],
        relative: ["weights (v − y) q", (kept, j, [h, s, d], call) => j[3] === h
            && pulls(kept, windowOf(call, kept), j)[s] * kept.q.at(scoreAt(j, d)), CURVED],
        bias: ["weights (v − y)", (kept, j, [h, s], call) =>
            j[3] === h && pulls(kept, windowOf(call, kept), j)[s], CURVED],
    }};
}
