// Pictures beside the arrays: the image, its patches, where attention goes, and what the model says.

let pixels = null;

/** The image as a canvas of its own pixels, or nothing if the run has none. */
async function imageOf() {
    if (!pixels && run.pixels) {
        const array = await arrayOf(run.pixels), [Y, X, C] = [...array.shown, 1], data = new ImageData(X, Y);
        for (let y = 0; y < Y; y++) for (let x = 0; x < X; x++) {
            const colour = [0, 1, 2].map(c => array.at(array.shape.length === 2 ? [y, x] : [y, x, Math.min(c, C - 1)]));
            data.data.set([...colour, 255], 4 * (y * X + x));
        }
        pixels = make("canvas", {width: X, height: Y});
        pixels.getContext("2d").putImageData(data, 0, 0);
    }
    return pixels;
}

/** The image, large, with something drawn over it; a patch of a grid is found by a click. */
function imageCanvas(host, side = 208, grid = run.grid ?? [1, 1]) {
    const canvas = make("canvas", {class: "image", role: "img", "aria-label": "the image"}, host), [rows, columns] = grid;
    const ready = imageOf().then(image => {
        if (!image) return;
        const scale = side / Math.max(image.width, image.height);
        Object.assign(canvas, {width: Math.round(image.width * scale), height: Math.round(image.height * scale)});
    });
    const edge = (n, count, length) => Math.round(n * length / count);  // whole pixels, or seams would show
    const box = (n, [rows, columns] = grid) => {
        const [row, column] = [Math.floor(n / columns), n % columns], {width, height} = canvas;
        const [left, top] = [edge(column, columns, width), edge(row, rows, height)];
        return [left, top, edge(column + 1, columns, width) - left, edge(row + 1, rows, height) - top];
    };
    return {
        canvas,
        async draw(over = () => {}) {
            await ready;
            const context = canvas.getContext("2d");
            context.imageSmoothingEnabled = false;
            if (pixels) context.drawImage(pixels, 0, 0, canvas.width, canvas.height);
            over(context);
        },
        paint(context, n, colour, cells = grid) {
            context.fillStyle = colour;
            context.fillRect(...box(n, cells));
        },
        outline(context, n) {
            context.lineWidth = 3;
            context.strokeStyle = "#D55E00";
            context.strokeRect(...box(n));
        },
        /** A patch is chosen by a click, or by arrow keys and Enter; `arrived` is told where the keys are. */
        choosing(choose, arrived = choose) {
            let at = 0;
            const patch = ([row, column]) => row * columns + column;
            canvas.tabIndex = 0;
            canvas.setAttribute("role", "application");
            canvas.setAttribute("aria-label", "the image; arrow keys go from patch to patch, Enter chooses one");
            canvas.addEventListener("click", event => {
                at = patch(cellAt(event, canvas, rows, columns));
                choose(at);
            });
            canvas.addEventListener("keydown", event => {
                const beside = cellBeside(event.key, Math.floor(at / columns), at % columns, rows, columns);
                if (beside) {
                    at = patch(beside);
                    arrived(at);
                } else if (event.key === "Enter" || event.key === " ") choose(at);
                else return;
                event.preventDefault();
                event.stopPropagation();
            });
        },
    };
}

/** Shares of each patch, or of each place of another grid, laid over the image: what has none is dark. */
function overlay(picture, shares, outlined, cells) {
    const most = Math.max(...shares) || 1;
    return picture.draw(context => {
        shares.forEach((share, n) => picture.paint(context, n, `rgba(0, 0, 0, ${(0.85 * (1 - share / most)).toFixed(3)})`, cells));
        if (outlined >= 0) picture.outline(context, outlined);
    });
}

/** What suits this step. */
function pictures(host, call, shown) {
    if (run.error && !run.pixels) return;
    const patches = run.grid ? product(run.grid) : 0, seen = run.pixels && ATTENDING.includes(call.label) && seenIn(call, shown);
    if (seen) return attentionPicture(host, seen);
    if (call.label === "patchify" && run.pixels && patches) return patchPicture(host, call);
    if (["cross_entropy", "log_softmax"].includes(call.label) && call.place === "" && run.probabilities.length) return lossPicture(host);
}

/** Ops whose weights say who looks where, of all places of a map or of a window. */
const ATTENDING = ["attention", "multi_head_attention", "cosine_attention", "dot_product_mean", "concatenation_mean"];

/** Tokens as a grid over the image, behind a few in front; nothing if there is none of its proportions. */
function gridOf(tokens) {
    const [Y, X] = run.pixels.shape, known = run.grid ? tokens - product(run.grid) : -1;
    if (known >= 0 && known < 8) return {extra: known, grid: run.grid};
    for (let extra = 0; extra < 8 && tokens - extra >= 4; extra++) {
        const count = tokens - extra;
        const rows = Math.round(Math.sqrt(count * Y / X)), columns = count / rows;
        if (Number.isInteger(columns) && Math.abs(rows * X / (columns * Y) - 1) < 0.1) return {extra, grid: [rows, columns]};
    }
    return null;
}

/**
 * Where what attends lies on the image.
 * @returns weights; grid of the queries, and keys, that of the keys; query(patch) is its place in the weights, without head
 *     and batch, and patchOf(place) the way back, less than 0 in front; shares(row) puts those of a query on the keys' grid
 */
function seenIn(call, {cache}) {
    const weights = cache.weights ?? cache["attention.weights"];
    if (!weights || weights.shape[0] !== 1 || weights.shown.at(-1) !== weights.shape.at(-1)) return null;
    if (weights.shape.length === 5) return seenInWindows(call, weights);
    const [queries, keys] = weights.shape.slice(-2).map(gridOf);
    return weights.shape.length <= 4 && queries && keys && {
        weights, grid: queries.grid, keys: keys.grid,
        query: patch => [patch + queries.extra],
        patchOf: ([n]) => n - queries.extra,
        shares: row => row.slice(keys.extra),
        besides: "on the tokens in front",
    };
}

/** The same of windows that were cut from a map, (1, W, H, N, N): the cut is a call of the same layer, or of one around. */
function seenInWindows(call, weights) {
    const cut = run.calls.find(other => other.label === "window_partition" && other.way === "forward"
        && `${call.place}.`.startsWith(`${other.place}.`));
    if (!cut) return null;
    const size = cut.inputs.x.shape.slice(1, 3), asked = recordedCall(cut.label, true, {inputs: {}, cache: {}, outputs: {}}, cut.options);
    const {toMap, toWindow} = windowsOf(size, asked.option, asked.text("pad_first") === "True");
    const patchOf = token => {
        const place = toMap(token);
        return place ? place[0] * size[1] + place[1] : -1;  // nothing where a window is filled up
    };
    return {
        weights, grid: size, keys: size, patchOf,
        query: patch => toWindow([Math.floor(patch / size[1]), patch % size[1]]),
        shares(row, [window]) {
            const all = Array(product(size)).fill(0);
            row.forEach((share, n) => { if (patchOf([window, n]) >= 0) all[patchOf([window, n])] = share; });
            return all;
        },
        besides: "on what fills the window up",
    };
}

function attentionPicture(host, {weights, grid, keys, query, patchOf, shares, besides}) {
    make("h2", {text: "where it looks"}, host);
    const picture = imageCanvas(make("div", {class: "canvas"}, host), 208, grid), words = make("p", {"aria-live": "polite"}, host);
    const isWindowed = weights.shape.length === 5, index = weights.shown.map(() => 0), inputs = {};
    const place = () => isWindowed ? [index[1], index[3]] : [index.at(-2)];
    const draw = () => {
        const row = Array.from({length: weights.shown.at(-1)}, (_, s) => weights.at([...index.slice(0, -1), s]));
        const lit = shares(row, place()), patch = patchOf(place());
        overlay(picture, lit, patch, keys);
        const who = patch >= 0 ? `patch ${patch}` : isWindowed ? "what fills the window up" : `token ${index.at(-2)} in front of the patches`;
        const rest = sumOf(row) - sumOf(lit), where = isWindowed ? `, in window ${index[1]},` : "";
        const others = keys.join() === grid.join() ? "" : `, of which there are ${keys.join(" × ")}`;
        words.textContent = `${weights.shape.length > 3 ? `Head ${index.at(-3)}: the` : "The"} query of ${who}${where} looks at the bright patches${others}`
            + `${row.length > lit.length || Math.abs(rest) > 1e-4 ? `, and ${inDigits(rest)} of its weight is ${besides}` : ""}. Click on a patch to ask it.`;
    };
    const slider = (axis, name) => {
        if (weights.shown[axis] < 2) return;
        inputs[name] = make("input", {type: "range", min: 0, max: weights.shown[axis] - 1, value: 0, "aria-label": name}, make("label", {text: `${name} `}, host));
        inputs[name].addEventListener("input", () => { index[axis] = Number(inputs[name].value); draw(); });
    };
    if (isWindowed) slider(1, "window");
    if (weights.shape.length > 3) slider(weights.shape.length - 3, "head");
    slider(weights.shape.length - 2, "query");
    picture.choosing(patch => {
        const found = query(patch), n = found.at(-1), queries = weights.shown.at(-2);
        if (n >= queries || (isWindowed && found[0] >= weights.shown[1])) {
            words.textContent = `Of patch ${patch} there is no query in the page: it has those of the first ${queries} of ${weights.shape.at(-2)} tokens.`;
            return;
        }
        index[index.length - 2] = n;
        if (isWindowed) index[1] = found[0];
        if (inputs.query) inputs.query.value = n;
        if (inputs.window) inputs.window.value = found[0];
        draw();
    });
    draw();
}

function patchPicture(host, call) {
    make("h2", {text: "which patch"}, host);
    const picture = imageCanvas(make("div", {class: "canvas"}, host)), words = make("p", {}, host);
    const draw = n => {
        picture.draw(context => picture.outline(context, n));
        words.textContent = `Row ${n} of the patches is outlined.`;
    };
    call.moved = index => { if (index.length === 3) draw(index[1]); };
    draw(0);
}

function lossPicture(host) {
    make("h2", {text: "what the model says"}, host);
    imageCanvas(make("div", {class: "canvas"}, host), 128).draw();
    showProbabilities(make("div", {class: "bars"}, host), run.probabilities);
}

/** Bars of the classes; those before a change stand behind. */
function showProbabilities(host, now, before = null) {
    host.replaceChildren();
    const order = now.map((_, n) => n).sort((a, b) => (before ?? now)[b] - (before ?? now)[a]).slice(0, 10);
    for (const n of order) {
        const row = make("div", {class: n === run.label ? "bar true" : "bar"}, host);
        const name = run.class_names[n] ?? `class ${n}`;
        make("span", {text: name, title: name}, row);
        const track = make("span", {class: "track"}, row);
        if (before) make("span", {class: "was", style: `width: ${100 * before[n]}%`}, track);
        make("span", {class: "is", style: `width: ${100 * now[n]}%`}, track);
        make("span", {class: "number", "data-class": n, text: inDigits(now[n])}, row);
    }
    make("p", {class: "shape", text: `${before ? "Thin: as it was. " : ""}The class that the loss wants is in bold.`}, host);
}

/** A patch reaches a token if it moves its vector by no less than this share of what the strongest one does. */
const REACHES = 0.01;

/** How many parts of the image reach a place, in words. */
function reachInWords(shares, part) {
    const most = Math.max(...shares), count = shares.filter(share => share > 0 && share >= REACHES * most).length;
    return `${count} of ${shares.length} ${part === "patch" ? "patches" : "squares"}`;
}

/** The dialog: of one place, after each block, how much each part of the image counts. */
async function showField(host) {
    make("h2", {text: "What it sees"}, host);
    const {reason, part, grid, blocks} = run.field;
    if (reason) return make("p", {text: `Not here: ${reason}.`}, host);
    const each = part === "patch" ? "Each patch" : `Each of ${grid.join(" × ")} squares`;
    make("p", {text: `${each} was changed to the mean colour, and the model computed again. Bright ones moved the vector the most that stands in the map where the outline is; one reaches it that moves it by a hundredth of that, or more. Click on another to ask there.`}, host);
    const said = make("p", {"aria-live": "polite"}, host);
    const row = make("div", {class: "cards"}, host), parts = product(grid), drawn = [];
    for (const [name, kept] of Object.entries(blocks)) {
        const card = make("figure", {class: "card"}, row), array = await arrayOf(kept);
        make("figcaption", {text: name}, card);
        const picture = imageCanvas(make("div", {class: "canvas"}, card), 160, grid);
        drawn.push({name, array, picture, reach: make("p", {class: "shape"}, card), inFront: array.shape[0] - parts});
    }
    const most = Math.max(...drawn.map(({inFront}) => inFront));
    const slider = make("input", {type: "range", min: 0, max: most + parts - 1, value: 0, "aria-label": "place"}, make("label", {text: "place "}, host));
    const draw = () => {
        const place = Number(slider.value) - most, words = [];
        for (const {name, array, picture, reach, inFront} of drawn) {
            const token = place + inFront;
            reach.textContent = "";
            if (token < 0) picture.draw();  // this block has no such token
            else {
                const shares = Array.from({length: parts}, (_, n) => array.at([token, n]));
                overlay(picture, shares, place);
                reach.textContent = reachInWords(shares, part);
                words.push(`by ${reach.textContent} after ${name}`);
            }
        }
        const who = place < 0 ? `Token ${place + most}, in front of the map,` : part === "patch" ? `The place of patch ${place}` : `The middle of square ${place}`;
        said.textContent = `${who} is reached ${words.join(", ")}.`;
    };
    slider.addEventListener("input", draw);
    for (const {picture} of drawn) picture.choosing(n => {
        slider.value = n + most;
        draw();
    });
    draw();
}
