// What if? A plain Vision Transformer computed again in the page, with what the reader has changed.

/** (N, K) times (K, M), rows of both one after the other. */
function matmul(x, weight, bias, N, K, M) {
    const y = new Float64Array(N * M);
    for (let n = 0; n < N; n++) {
        if (bias) y.set(bias, n * M);
        for (let k = 0; k < K; k++) {
            const factor = x[n * K + k];
            for (let m = 0; m < M; m++) y[n * M + m] += factor * weight[k * M + m];
        }
    }
    return y;
}

function layerNorm(x, gamma, beta, eps) {
    const D = gamma.length, y = new Float64Array(x.length);
    for (let row = 0; row < x.length; row += D) {
        let mean = 0, square = 0;
        for (let d = 0; d < D; d++) mean += x[row + d] / D;
        for (let d = 0; d < D; d++) square += (x[row + d] - mean) ** 2 / D;
        const rstd = 1 / Math.sqrt(square + eps);
        for (let d = 0; d < D; d++) y[row + d] = (x[row + d] - mean) * rstd * gamma[d] + beta[d];
    }
    return y;
}

function softmaxOf(scores) {
    const largest = Math.max(...scores), shares = scores.map(score => Math.exp(score - largest));
    const total = sumOf(shares);
    return shares.map(share => share / total);
}

const ACTIVATIONS = {
    gelu: x => x * probabilityBelow(x),
    gelu_tanh: x => x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    quick_gelu: x => x / (1 + Math.exp(-1.702 * x)),
    relu: x => Math.max(x, 0),
};

/** Every head of every token asks, and takes a mean of the values; `change` has a temperature and heads that are off. */
function attend(qkv, N, D, heads, change) {
    const K = D / heads, y = new Float64Array(N * D);
    for (let h = 0; h < heads; h++) {
        if (change.off && change.head === h) continue;
        const scale = 1 / Math.sqrt(K) / (change.head === h ? change.temperature : 1);
        for (let n = 0; n < N; n++) {
            const scores = Array.from({length: N}, (_, s) => {
                let sum = 0;
                for (let k = 0; k < K; k++) sum += qkv[n * 3 * D + h * K + k] * qkv[s * 3 * D + D + h * K + k];
                return sum * scale;
            });
            softmaxOf(scores).forEach((share, s) => {
                for (let k = 0; k < K; k++) y[n * D + h * K + k] += share * qkv[s * 3 * D + 2 * D + h * K + k];
            });
        }
    }
    return y;
}

/** The patches of the image as rows; those in `grey` are of one colour. */
function patchRows({image, patch, grid, grey}, painted) {
    const [P, Q] = patch, [rows, columns] = grid, C = image.shape[3], data = [];
    for (let n = 0; n < rows * columns; n++) {
        const top = Math.floor(n / columns) * P, left = n % columns * Q;
        for (let p = 0; p < P; p++) for (let q = 0; q < Q; q++) for (let c = 0; c < C; c++) {
            data.push(painted.has(n) ? grey[c] : image.at([0, top + p, left + q, c]));
        }
    }
    return Float64Array.from(data);
}

/**
 * Probabilities of the classes.
 * @param model what the page has of it: options, and weights by name (flat)
 * @param change {block, head, temperature, off, grey: set of patches}
 */
function whatIf(model, change) {
    const w = model.weights, N0 = product(model.grid), D = w["patch_embed.proj.bias"].length;
    let x = patchRows(model, change.grey ?? new Set()), N = N0;
    x = matmul(x, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], N, x.length / N, D);
    if (w.cls_token) {
        x = Float64Array.from([...w.cls_token, ...x]);
        N++;
    }
    x = x.map((value, n) => value + w.pos_embed[n]);
    for (let block = 0; block < model.depth; block++) {
        const of = name => w[`blocks.${block}.${name}`], F = of("mlp.fc1.bias").length;
        let h = layerNorm(x, of("norm1.weight"), of("norm1.bias"), model.eps);
        h = matmul(h, of("attn.qkv.weight"), of("attn.qkv.bias"), N, D, 3 * D);
        h = attend(h, N, D, model.heads, change.block === block ? change : {});
        h = matmul(h, of("attn.proj.weight"), of("attn.proj.bias"), N, D, D);
        x = x.map((value, n) => value + h[n]);
        h = layerNorm(x, of("norm2.weight"), of("norm2.bias"), model.eps);
        h = matmul(h, of("mlp.fc1.weight"), of("mlp.fc1.bias"), N, D, F).map(ACTIVATIONS[model.act]);
        h = matmul(h, of("mlp.fc2.weight"), of("mlp.fc2.bias"), N, F, D);
        x = x.map((value, n) => value + h[n]);
    }
    if (w["norm.weight"]) x = layerNorm(x, w["norm.weight"], w["norm.bias"], model.eps);
    const first = model.pool === "token" ? 0 : N - N0, last = model.pool === "token" ? 1 : N;
    let pooled = new Float64Array(D);
    for (let n = first; n < last; n++) for (let d = 0; d < D; d++) pooled[d] += x[n * D + d] / (last - first);
    if (w["fc_norm.weight"]) pooled = layerNorm(pooled, w["fc_norm.weight"], w["fc_norm.bias"], model.eps);
    return softmaxOf([...matmul(pooled, w["head.weight"], w["head.bias"], 1, D, w["head.bias"].length)]);
}

/** Weights and image, unpacked once. */
async function modelOf(recipe) {
    const weights = {};
    for (const [name, kept] of Object.entries(recipe.weights)) weights[name] = (await arrayOf(kept)).flat;
    return {...recipe, weights, image: await arrayOf(recipe.image)};
}

/** The dialog: what to change, and what becomes of the probabilities. */
async function showWhatIf(host) {
    make("h2", {text: "What if?"}, host);
    const recipe = run.what_if;
    if (recipe.reason) return make("p", {text: `Not here: ${recipe.reason}.`}, host);
    const model = await modelOf(recipe), before = whatIf(model, {}), grey = new Set();
    const change = {block: 0, head: 0, temperature: 1, off: false, grey};
    make("p", {text: "The page computes the model again. Click on patches to paint them grey, or press Enter on them."}, host);
    const picture = imageCanvas(make("div", {class: "canvas"}, host)), patch = make("output", {class: "reading"}, host);
    let pointed = -1;
    const control = (words, element) => make("label", {text: words}, host).appendChild(element);
    const choice = (count, name) => {
        const select = make("select", {"aria-label": name});
        for (let n = 0; n < count; n++) make("option", {value: n, text: n}, select);
        return select;
    };
    const block = control("block ", choice(model.depth, "block"));
    const head = control("head ", choice(model.heads, "head"));
    const heat = control("temperature of its softmax ", make("input", {type: "range", id: "temperature", min: -2, max: 2, step: 0.1, value: 0}));
    const said = make("output", {text: "1"}, heat.parentElement);
    const off = control("this head off ", make("input", {type: "checkbox", id: "head-off"}));
    const bars = make("div", {class: "bars", "aria-live": "polite"}, host);
    const draw = () => picture.draw(context => {
        for (const n of grey) picture.paint(context, n, "rgb(128, 128, 128)");
        if (pointed >= 0) picture.outline(context, pointed);
        if (pointed >= 0) patch.textContent = `patch ${pointed}${grey.has(pointed) ? ", grey" : ""}`;
    });
    const again = () => {
        const temperature = 10 ** Number(heat.value);
        Object.assign(change, {block: Number(block.value), head: Number(head.value), off: off.checked, temperature});
        said.textContent = inDigits(Number(temperature.toPrecision(4)));
        heat.setAttribute("aria-valuetext", said.textContent);
        draw();
        showProbabilities(bars, whatIf(model, change), before);
    };
    picture.choosing(n => {
        pointed = n;
        if (!grey.delete(n)) grey.add(n);
        again();
    }, n => {
        pointed = n;
        draw();
    });
    for (const element of [block, head, heat, off]) element.addEventListener("input", again);
    again();
}
