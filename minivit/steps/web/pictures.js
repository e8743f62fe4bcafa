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

/** The image, large, with something drawn over it; a patch is found by a click. */
function imageCanvas(host, side = 208) {
    const canvas = make("canvas", {class: "image", role: "img", "aria-label": "the image"}, host), [rows, columns] = run.grid ?? [1, 1];
    const ready = imageOf().then(image => {
        if (!image) return;
        const scale = side / Math.max(image.width, image.height);
        Object.assign(canvas, {width: Math.round(image.width * scale), height: Math.round(image.height * scale)});
    });
    const edge = (n, count, length) => Math.round(n * length / count);  // whole pixels, or seams would show
    const box = n => {
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
        paint(context, n, colour) {
            context.fillStyle = colour;
            context.fillRect(...box(n));
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

/** Shares of each patch, laid over the image: what has none is dark. */
function overlay(picture, shares, outlined) {
    const most = Math.max(...shares) || 1;
    return picture.draw(context => {
        shares.forEach((share, n) => picture.paint(context, n, `rgba(0, 0, 0, ${(0.85 * (1 - share / most)).toFixed(3)})`));
        if (outlined >= 0) picture.outline(context, outlined);
    });
}

/** What suits this step. */
function pictures(host, call, shown) {
    if (run.error && !run.pixels) return;
    const patches = run.grid ? product(run.grid) : 0, weights = shown.cache.weights;
    if (weights && run.pixels && patches && isOfPatches(weights, patches)) return attentionPicture(host, weights, patches, call);
    if (call.label === "patchify" && run.pixels && patches) return patchPicture(host, call);
    if (["cross_entropy", "log_softmax"].includes(call.label) && call.place === "" && run.probabilities.length) return lossPicture(host);
}

/** Whether queries and keys are the patches of the image, and few tokens in front of them. */
function isOfPatches(weights, patches) {
    const extra = weights.shape.at(-1) - patches;
    return weights.shape.length >= 3 && weights.shape[0] === 1 && extra >= 0 && extra < 8 && weights.shown.at(-1) === weights.shape.at(-1);
}

function attentionPicture(host, weights, patches, call) {
    make("h2", {text: "where it looks"}, host);
    const picture = imageCanvas(make("div", {class: "canvas"}, host)), words = make("p", {"aria-live": "polite"}, host);
    const extra = weights.shape.at(-1) - patches, index = weights.shown.map(() => 0);
    const draw = () => {
        const all = Array.from({length: weights.shown.at(-1)}, (_, s) => weights.at([...index.slice(0, -1), s]));
        const query = index.at(-2) - extra;
        overlay(picture, all.slice(extra), query);
        const who = query < 0 ? `token ${index.at(-2)} in front of the patches` : `patch ${query}`;
        const front = extra ? `, and ${inDigits(all.slice(0, extra).reduce((sum, share) => sum + share, 0))} of its weight is on the tokens in front` : "";
        words.textContent = `Head ${index.at(-3)}: the query of ${who} looks at the bright patches${front}. Click on a patch to ask it.`;
    };
    const slider = (axis, name) => {
        if (weights.shown[axis] < 2) return;
        const input = make("input", {type: "range", min: 0, max: weights.shown[axis] - 1, value: 0, "aria-label": name}, make("label", {text: `${name} `}, host));
        input.addEventListener("input", () => { index[axis] = Number(input.value); draw(); });
        return input;
    };
    slider(weights.shape.length - 3, "head");
    const query = slider(weights.shape.length - 2, "query");
    const queries = weights.shown.at(-2);
    picture.choosing(patch => {
        if (patch + extra >= queries) {
            words.textContent = `Of patch ${patch} there is no query in the page: it has those of the first ${queries} of ${weights.shape.at(-2)} tokens.`;
            return;
        }
        index[index.length - 2] = patch + extra;
        if (query) query.value = index.at(-2);
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

/** The dialog: of one token, after each block, how much each patch counts. */
async function showField(host) {
    make("h2", {text: "What it sees"}, host);
    const found = run.field;
    if (found.reason) return make("p", {text: `Not here: ${found.reason}.`}, host);
    make("p", {text: "Each patch was changed to the mean colour, and the model computed again. Bright patches moved the token's vector the most. Click on a patch to ask its token."}, host);
    const row = make("div", {class: "cards"}, host), patches = product(run.grid), drawn = [];
    for (const [name, kept] of Object.entries(found.blocks)) {
        const card = make("figure", {class: "card"}, row), array = await arrayOf(kept);
        make("figcaption", {text: name}, card);
        drawn.push({array, picture: imageCanvas(make("div", {class: "canvas"}, card), 160)});
    }
    const tokens = drawn[0].array.shape[0], extra = tokens - patches;
    const slider = make("input", {type: "range", min: 0, max: tokens - 1, value: 0, "aria-label": "token"}, make("label", {text: "token "}, host));
    const draw = () => {
        for (const {array, picture} of drawn) {
            const token = Number(slider.value), shares = Array.from({length: patches}, (_, n) => array.at([token, n]));
            overlay(picture, shares, token - extra);
        }
    };
    slider.addEventListener("input", draw);
    for (const {picture} of drawn) picture.choosing(patch => {
        slider.value = patch + extra;
        draw();
    });
    draw();
}
