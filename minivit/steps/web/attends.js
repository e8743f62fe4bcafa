// Attention in all its forms: the rates at which a number of the output moves, see because.js.
//
// Such a number, y[j], is a sum over all that its query sees: shares times values. A value moves it by
// its share. Queries, keys and the rest move scores; through a softmax a score pulls at y[j] by
// share × (value − y), and where there is none by its value.

const isIn = (row, i) => row && agree(row, i, row.length);

/**
 * An op that attends, by how it finds what it sees.
 * @param place(j, call): where y[j] stands in what the heads make, its query first, the channel last
 * @param row(j, s, call): where the value number s of this query stands, without the channel; null: zeros
 * @param shares(call, j): of all that the query sees
 * @param values: what the input is called that is looked at; worth(call, j, s): its number, if not v[row]
 * @param scores: of each other input [what the rate is called, by what a score s moves with element i]
 */
function attending({place = j => j, row = inSequence, shares = weightsOf(), values = "v", kept: stored = values,
    worth = valueAt(row, stored), softmax = true, scores, ...more}) {
    const looked = (call, j) => call.once(j, () => {
        const all = shares(call, j), worths = all.map((_, s) => worth(call, j, s));
        const y = sumOf(all.map((share, s) => share * worths[s])) / (sumOf(all) || 1);  // of four digits, they are not quite 1
        return {all, pulls: all.map((share, s) => softmax ? share * (worths[s] - y) : worths[s])};
    });
    /** The sum over what is seen of numbers that may be false; false if all are. */
    const summed = (numbers, termOf) => numbers.reduce((sum, number, s) => {
        const term = termOf(s);
        return term === false || term === null ? sum : Number(sum) + number * term;
    }, false);
    const by = {[values]: ["weights", (kept, at, i, call) => {
        const j = place(at, call);
        return sameColumn(j, i) && summed(looked(call, j).all, s => isIn(row(j, s, call), i) && 1);
    }]};
    for (const [name, [factor, slope]] of Object.entries(scores)) {
        by[name] = [factor, (kept, at, i, call) => {
            const j = place(at, call);
            return summed(looked(call, j).pulls, s => slope(call, j, s, i));
        }];
    }
    return {sums: [values], slopes: softmax ? Object.keys(scores) : [], ...more, by: {...by, ...more.by}};
}

const inSequence = (j, s) => [...j.slice(0, -2), s];
const scoreOf = (j, s) => [...j.slice(0, -1), s];
const weightsOf = (name = "weights") => ({kept}, j) =>
    Array.from({length: kept[name].shape.at(-1)}, (_, s) => kept[name].at(scoreOf(j, s)));

/** A number of what is seen, in the channel of y[j], or 0 around the map. */
const valueAt = (row, name) => (call, j, s) => numberIn(call.kept[name], row(j, s, call), j.at(-1));
const numberIn = (array, row, channel) => row ? array.at([...row, channel]) : 0;

/** Scores that are products of queries and keys. */
const products = (scale, row = inSequence, factor = "scale ") => ({
    q: [`${factor}Σ weights (v − y) k`, (call, j, s, i) =>
        sameRow(j, i) && scale(call) * numberIn(call.kept.k, row(j, s, call), i.at(-1))],
    k: [`${factor}weights (v − y) q`, (call, j, s, i) => isIn(row(j, s, call), i)
        && scale(call) * call.kept.q.at(scoreOf(j, i.at(-1)))],
});
const oneOverRoot = call => call.option("scale", [1 / Math.sqrt(call.kept.q.shape.at(-1))])[0];

const biased = {bias: ["weights (v − y)", (call, j, s, i) =>
    reaches(i, call.shapeOf("bias"), scoreOf(j, s)) && 1]};

/** A window that slides over a map: q and y are (B, Yo, Xo, H, K), k and v (B, Y, X, H, K). */
function inSlidingWindow([b, yo, xo, h], s, call) {
    const [rows, columns] = both(call.option("kernel_size")), {shape} = call.kept.k;
    const window = slidingOf(call, shape.slice(1, 3), [rows, columns]);
    const [y, x] = window.met([yo, xo], [Math.floor(s / columns), s % columns]);
    return y >= 0 && y < shape[1] && x >= 0 && x < shape[2] ? [b, y, x, h] : null;
}

/** Attention that keeps no weights: a share is exp(score − lse). */
function sharesFromScores(call, j) {
    const {q, k, lse} = call.kept, N = q.shape.at(-2), S = k.shape.at(-2), total = lse.at(scoreOf(j, 0));
    return Array.from({length: S}, (_, s) => {
        if ("mask" in call.kept && !stretched(call.kept.mask, scoreOf(j, s))) return 0;
        if (call.text("causal") === "True" && s > j.at(-2) + S - N) return 0;
        let score = "bias" in call.kept ? stretched(call.kept.bias, scoreOf(j, s)) : 0;
        for (let d = 0; d < q.shape.at(-1); d++) {
            score += oneOverRoot(call) * q.at(scoreOf(j, d)) * k.at([...inSequence(j, s), d]);
        }
        return Math.exp(score - total);
    });
}

/** Cosines: what makes a query or a key longer does not count, and t scales all by exp(min(t, log 100)). */
function cosines() {
    const cosine = (call, j, s) => call.once(`cosine ${j.slice(0, -1)} ${s}`, () => {
        const [q, k] = [call.kept["q.y"], call.kept["k.y"]], row = inSequence(j, s);
        return sumOf(Array.from({length: q.shape.at(-1)}, (_, d) => q.at(scoreOf(j, d)) * k.at([...row, d])));
    });
    const stretch = ({kept}, j) => Math.exp(Math.min(kept.logit_scale.at([j.at(-3), 0, 0]), Math.log(100)));
    const turned = (call, j, s, own, other, length) => stretch(call, j)
        * (other - (length > SHORTEST && cosine(call, j, s) * own)) / length;
    return {
        q: ["exp t Σ weights (v − y) ∂cos/∂q", (call, j, s, i) => {
            const {"q.y": q, "q.length": length, "k.y": k} = call.kept;
            return sameRow(j, i) && turned(call, j, s, q.at(i), k.at([...inSequence(j, s), i.at(-1)]),
                length.at(scoreOf(i, 0)));
        }],
        k: ["exp t weights (v − y) ∂cos/∂k", (call, j, s, i) => {
            const {"q.y": q, "k.length": length, "k.y": k} = call.kept;
            return isIn(inSequence(j, s), i) && turned(call, j, s, k.at(i), q.at(scoreOf(j, i.at(-1))),
                length.at(scoreOf(i, 0)));
        }],
        logit_scale: ["exp t Σ weights (v − y) cos", (call, j, s, i) => i[0] === j.at(-3)
            && (call.kept.logit_scale.at(i) <= Math.log(100)) * stretch(call, j) * cosine(call, j, s)],
    };
}

/** Scores of a network of one hidden layer, tanh(q + k) · vector. */
function additive() {
    const hidden = ({kept}, j, s, d) => kept.hidden.at([...j.slice(0, -1), s, d]);
    const slope = (call, j, s, d) => call.kept.vector.at([d]) * (1 - hidden(call, j, s, d) ** 2);
    return {
        q: ["Σ weights (v − y) vector (1 − tanh²)", (call, j, s, i) => sameRow(j, i) && slope(call, j, s, i.at(-1))],
        k: ["weights (v − y) vector (1 − tanh²)", (call, j, s, i) => isIn(inSequence(j, s), i) && slope(call, j, s, i.at(-1))],
        vector: ["Σ weights (v − y) tanh", (call, j, s, i) => hidden(call, j, s, i[0])],
    };
}

/** Scores read by a vector from query and key beside each other, cut off at zero: their mean, without a softmax. */
function concatenated() {
    const share = ({kept}, j, s) => (kept.weights.at(scoreOf(j, s)) > 0) / kept.k.shape.at(-2);
    return {
        q: ["Σ v vector / S", (call, j, s, i) => sameRow(j, i) && share(call, j, s) * call.kept.vector.at([i.at(-1)])],
        k: ["v vector / S", (call, j, s, i) => isIn(inSequence(j, s), i)
            && share(call, j, s) * call.kept.vector.at([i.at(-1) + call.kept.k.shape.at(-1)])],
        vector: ["Σ v (q beside k) / S", (call, j, s, [n]) => {
            const {q, k} = call.kept, K = q.shape.at(-1);
            return share(call, j, s) * (n < K ? q.at(scoreOf(j, n)) : k.at([...inSequence(j, s), n - K]));
        }],
    };
}

const oneOverS = ({kept}) => 1 / kept.k.shape.at(-2);
const sliding = products(() => 1, inSlidingWindow, "");

/** Of several maps of values the number of one. */
function mapValue(call, j, s, m) {
    const row = inSlidingWindow(j, s, call);
    return numberIn(call.kept.v, row && [m, ...row], j.at(-1));
}

const OPS_THAT_ATTEND = {
    attention: attending({scores: {...products(oneOverRoot), ...biased}}),
    multi_head_attention: attending({
        place: (j, {kept}) => inHeads(j, kept.v.shape.at(-1)), scores: {...products(oneOverRoot), ...biased},
    }),
    attention_chunked: attending({shares: sharesFromScores, scores: {...products(oneOverRoot), ...biased}}),
    cosine_attention: attending({
        shares: weightsOf("attention.weights"), kept: "attention.v", scores: {...cosines(), ...biased},
    }),
    additive_attention: attending({scores: additive()}),
    dot_product_mean: attending({softmax: false, scores: {
        q: ["Σ v k / S", products(oneOverS).q[1]], k: ["v q / S", products(oneOverS).k[1]],
    }}),
    concatenation_mean: attending({softmax: false, scores: concatenated(), slopes: ["q", "k", "vector"]}),
    local_attention: attending({row: inSlidingWindow, scores: {
        q: ["Σ weights (v − y) (k + relative)", (call, j, s, i) => {
            const along = sliding.q[1](call, j, s, i);
            return along === false || !("relative" in call.kept) ? along
                : along + call.kept.relative.at([j[3], s, i.at(-1)]);
        }],
        k: sliding.k,
        relative: ["weights (v − y) q", (call, j, s, i) => agree([j[3], s], i) && call.kept.q.at(scoreOf(j, i[2]))],
        bias: ["weights (v − y)", (call, j, s, i) => agree([j[3], s], i) && 1],
    }}),
    stem_attention: attending({
        row: inSlidingWindow,
        worth: (call, j, s) => sumOf(Array.from({length: call.kept.shares.shape[0]},
            (_, m) => call.kept.shares.at([m, s]) * mapValue(call, j, s, m))),
        scores: {q: sliding.q, k: sliding.k},
        by: {
            v: ["weights shares", ({weights, shares}, j, i, call) => {
                const seen = Array.from({length: shares.shape[1]}, (_, s) => s)
                    .filter(s => sameColumn(j, i) && isIn(inSlidingWindow(j, s, call), i.slice(1)));
                return seen.length > 0
                    && sumOf(seen.map(s => weights.at(scoreOf(j, s)) * shares.at([i[0], s])));
            }],
            shares: ["weights v", ({weights}, j, [m, s], call) =>
                weights.at(scoreOf(j, s)) * mapValue(call, j, s, m)],
        },
    }),
    split_attention: attending({
        values: "x",
        row: (j, s) => [...j.slice(0, -2), s, j.at(-2)],
        shares: ({kept: {weights}}, j) => Array.from({length: weights.shape.at(-1)},
            (_, s) => weights.at([...j.slice(0, -2), j.at(-1), s])),
        scores: {scores: ["weights (x − y)", (call, j, s, i) => agree([...j.slice(0, -2), s, j.at(-1)], i) && 1]},
    }),
};
