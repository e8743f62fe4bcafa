// The page: where we are, what is computed there, and how one moves.

let run, current = 0, level = 2, unknown = "";
const LEVELS = ["block", "layer", "op", "inside ops"];
const one = id => document.getElementById(id);
const arrays = new Map();

/** The numbers of a piece of memory, which is unpacked once. */
function memory(at) {
    if (!arrays.has(at)) arrays.set(at, numbersOf(run.arrays[at]));
    return arrays.get(at);
}

/** The array that a call refers to. */
async function arrayOf(kept) {
    return new NumberArray(await memory(kept.at), kept);
}

const MOST_UNPACKED = 2 ** 22;  // numbers, 32 MB: larger pages unpack what is looked at
const whenIdle = window.requestIdleCallback ?? (act => setTimeout(act, 20));

/** While the reader looks, array by array is unpacked, so that no step waits for it. */
async function unpackAll() {
    if (sumOf(run.arrays.map(({numbers}) => numbers)) > MOST_UNPACKED) return;
    for (const at of run.arrays.keys()) {
        await new Promise(done => whenIdle(done));
        await memory(at);
    }
}

async function start() {
    const data = JSON.parse(one("run").textContent);
    run = {arrays: data.arrays, ...JSON.parse(new TextDecoder().decode(await unpacked(data.text)))};
    run.calls.forEach((call, n) => Object.assign(call, {n, children: []}));
    run.calls.forEach(call => call.parent !== null && run.calls[call.parent].children.push(call));
    nameCalls();
    document.body.classList.toggle("alone", run.calls.length === 1);
    run.levels = LEVELS.map((_, depth) => run.calls.filter(call => call.parent === null).flatMap(call => atLevel(call, depth)));
    LEVELS.forEach((name, depth) => {
        make("button", {text: name, "data-level": depth}, one("levels")).addEventListener("click", () => changeLevel(depth - level));
    });
    one("before").addEventListener("click", () => move(-1));
    one("after").addEventListener("click", () => move(1));
    one("other").addEventListener("click", () => partner());
    one("search").addEventListener("click", () => openDialog(showSearch));
    one("what-if").addEventListener("click", () => openDialog(showWhatIf));
    one("sees").addEventListener("click", () => openDialog(showField));
    one("help").addEventListener("click", () => openDialog(showHelp));
    document.addEventListener("keydown", key);
    window.addEventListener("hashchange", () => goTo(location.hash) || show(current));
    document.addEventListener("click", event => {
        const link = event.target.closest('a[href^="#"]');
        if (!link || location.protocol !== "about:") return;
        event.preventDefault();  // in a notebook's frame a link would lead to the notebook, once more
        goTo(link.getAttribute("href"));
    });
    if (!goTo(location.hash)) await show(run.levels[level][0].n);
    document.body.dataset.ready = "yes";
    unpackAll();
}

/** The calls that stand for this one at a level: of a model its blocks, of a block its layers, of all else their ops, and
 *  at the last one an op and those that it calls. */
function atLevel(call, depth) {
    const inside = below => call.children.length ? call.children.flatMap(below) : [call];
    if (depth === 0) return call.kind === "layer" ? inside(child => [child]) : [call];
    if (depth === 1) return call.kind === "layer" ? inside(child => child.kind === "layer" && child.children.length ? child.children : [child]) : [call];
    if (depth === 2) return call.kind === "layer" ? inside(child => atLevel(child, 2)) : [call];
    return call.kind === "layer" ? inside(child => atLevel(child, 3)) : [call, ...call.children.flatMap(child => atLevel(child, 3))];
}

/** A name for each call, by which a link finds it: blocks.2.attn/backward, blocks.2.attn/softmax/forward. */
function nameCalls() {
    run.names = new Map();
    for (const call of run.calls) {
        const parts = call.kind === "layer" ? [call.place || "model", call.way]
            : call.kind === "update" ? [call.place, "update"] : [call.place, call.label, call.way];
        const name = parts.filter(Boolean).join("/");
        let unique = name;
        for (let n = 2; run.names.has(unique); n++) unique = `${name}~${n}`;
        run.names.set(unique, call.n);
        call.name = unique;
    }
}

function goTo(hash) {
    let name = hash.slice(1);
    try {
        name = decodeURIComponent(name);
    } catch { /* a per cent sign that somebody has typed */ }
    const n = run.names.get(name);
    if (n === undefined) {
        unknown = name;
        return false;
    }
    if (n !== current || !one("step").firstChild) {
        const depth = run.levels.findIndex(calls => calls.some(call => call.n === n));
        if (depth >= 0 && !run.levels[level].some(call => call.n === n)) level = depth;
        show(n);
    }
    return true;
}

function isInside(call, outer) {
    for (let at = call; at; at = at.parent === null ? null : run.calls[at.parent]) if (at === outer) return true;
    return false;
}

function move(by) {
    const list = run.levels[level], at = list.findIndex(call => call.n === current);
    const next = at >= 0 ? at + by : by > 0 ? list.findIndex(call => call.n > current) : list.findLastIndex(call => call.n < current);
    if (list[next]) show(list[next].n);
}

function changeLevel(by) {
    const depth = Math.max(0, Math.min(LEVELS.length - 1, level + by)), here = run.calls[current];
    const found = run.levels[depth].find(call => isInside(call, here) || isInside(here, call));
    level = depth;
    show((found ?? here).n);
}

/** The forward of this backward, or the other way round. */
function partner(way) {
    const call = run.calls[current];
    if (call.partner !== null && call.way !== way) show(call.partner);
}

function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog").open) return;
    if (event.target.matches(":is(input, select):not(dialog *)")) return;  // a closed dialog's may still have the focus
    const act = {
        ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => changeLevel(-1), ArrowDown: () => changeLevel(1),
        f: () => partner("forward"), b: () => partner("backward"), "/": () => openDialog(showSearch),
        "?": () => openDialog(showHelp), s: () => one("step").focus(), w: () => openDialog(showWhatIf), r: () => openDialog(showField),
    }[event.key];
    if (act) {
        event.preventDefault();
        act();
    }
}

async function show(n) {
    current = n;
    const call = run.calls[n], list = run.levels[level], at = list.indexOf(call);
    one("where").textContent = titleOf(call) + (at < 0 ? "" : ` · step ${at + 1} of ${list.length}`);
    one("other").textContent = call.partner === null ? "–" : run.calls[call.partner].way;
    one("other").disabled = call.partner === null;
    for (const button of one("levels").children) button.setAttribute("aria-pressed", Number(button.dataset.level) === level);
    try {
        history.replaceState(null, "", `#${call.name}`);
    } catch { /* in a notebook the page has no address */ }
    drawMap();
    const host = make("div", {class: "step", "data-step": call.name});
    const top = make("div", {class: "top"}, host);
    if (unknown) make("p", {class: "note", role: "alert", text: `This page has no step of the name ${unknown}; this is ${titleOf(call)}, ${call.way}.`}, host).after(top);
    unknown = "";
    heading(top, call);
    const shown = await arraysOf(call);
    if (current !== n) return;  // the reader has gone on
    pictures(make("section", {class: "pictures"}, host), call, shown);
    showArrays(make("section", {class: "arrays"}, host), call, shown);
    source(make("section", {class: "source"}, host), call);
    const hadFocus = one("step").contains(document.activeElement);
    one("step").replaceChildren(host);
    if (hadFocus) one("step").focus({preventScroll: true});
    follow();  // not before: each question where something stands lays out the whole page anew
    one("step").scrollTop = 0;
    const beginning = one("step").offsetTop - one("top").offsetHeight;  // on a phone the whole page scrolls
    if (window.scrollY > beginning) window.scrollTo(0, beginning);
    one("step").dataset.shown = call.name;
    if (list[at + 1]) setTimeout(() => arraysOf(list[at + 1]));  // unpacked while the reader looks at this one
}

function titleOf(call) {
    if (call.kind === "op") return call.place ? `${call.place} · ${call.label}` : call.label;
    return call.place || "model";
}

function heading(host, call) {
    const path = [];
    for (let at = call; at; at = at.parent === null ? null : run.calls[at.parent]) path.unshift(at);
    const crumbs = make("p", {class: "crumbs"}, host);
    path.forEach((at, n) => {
        if (n) crumbs.append(" › ");
        make("a", {href: `#${at.name}`, text: at.kind === "op" ? at.label : shortName(at)}, crumbs);
    });
    const about = run.functions[call.function];
    make("h1", {text: about.name}, host).append(" ", make("span", {class: `way ${call.way}`, text: call.way}));
    for (const note of isFirst(call) ? run.notes : []) make("p", {class: "note", text: note}, host);
    if (call.error) make("p", {class: "error", text: `It ends here: ${call.error}`}, host);
    else if (run.error && isFirst(call)) {
        const words = make("p", {class: "error", text: `This run did not come to its end: ${run.error} `}, host), last = run.calls.find(each => each.error);
        if (last) make("a", {href: `#${last.name}`, text: "Go to where it ended."}, words);
    }
    if (call.words) make("p", {class: "error", text: call.words}, host);
    const docs = make("div", {class: "docs"}, host);
    make("div", {class: "doc", html: about.doc}, docs);
    for (const {name, doc} of about.calls ?? []) {
        const box = make("div", {}, docs);
        make("h2", {text: `${name}, which it calls`}, box);
        make("div", {class: "doc", html: doc}, box);
    }
}

/** Whether this is where a reader begins. */
function isFirst(call) {
    return call === run.levels[level][0];
}

function shortName(call) {
    const parts = call.place.split("."), last = parts.at(-1);
    return /^\d+$/.test(last) ? parts.slice(-2).join(".") : last || call.label;
}

const PARTS = ["inputs", "outputs", "expected", "difference", "cache"];

async function arraysOf(call) {
    const found = Object.fromEntries(PARTS.map(part => [part, {...call[part]}]));
    await Promise.all(Object.values(found).flatMap(arrays => Object.entries(arrays).map(async ([name, kept]) => {
        arrays[name] = await arrayOf(kept);
    })));
    return found;
}

function showArrays(host, call, shown) {
    const because = make("div", {class: "because", "aria-live": "polite"});
    const isCompared = Object.keys(shown.expected).length > 0;
    if (isCompared) showCompared(make("div", {class: "compared"}, host), call, shown);
    for (const part of isCompared ? ["inputs", "cache"] : ["inputs", "outputs", "cache"]) {
        const names = Object.keys(shown[part]);
        if (!names.length && part !== "inputs") continue;
        const box = part === "cache" ? make("details", {}, host) : make("div", {class: part}, host);
        const words = {inputs: isCompared ? "went in" : "goes in", outputs: "comes out", cache: "the cache"}[part];
        make(part === "cache" ? "summary" : "h2", {text: words}, box);
        const options = Object.entries(call.options);
        if (part === "inputs" && options.length) make("p", {class: "options", text: options.map(pair => pair.join(" = ")).join(", ")}, box);
        const cards = make("div", {class: "cards"}, box);
        const draw = () => names.forEach(name => {
            const choose = index => {
                explain(because, call, shown, name, index);
                because.scrollIntoView({block: "nearest"});
            };
            const map = new HeatMap(cards, name, shown[part][name], {choose: part === "outputs" ? choose : null});
            map.moved = call.moved;
            widest = Math.max(widest, map.widest);
        });
        let widest = 0;
        if (part === "cache") box.addEventListener("toggle", () => cards.firstChild || draw());
        else draw();
        box.style.setProperty("--widest", `${widest}px`);  // beside what goes in, as far as one of them has room
    }
    host.append(because);
}

/** What a student's function gave, beside what would have been right: what is wrong first, the rest folded. */
function showCompared(host, call, shown) {
    const right = Object.keys(shown.expected).filter(name => !Object.hasOwn(call.wrong, name));
    for (const [name, {at, words}] of Object.entries(call.wrong)) {
        const box = make("div", {"data-wrong": name}, host);
        if (!call.words.includes(words)) make("p", {class: "error", text: words}, box);
        showBeside(box, shown, name, at);
    }
    if (!right.length) return;
    const folded = make("details", {}, host);
    make("summary", {text: `right: ${right.join(", ")}`}, folded);
    folded.addEventListener("toggle", () => folded.children.length > 1 || right.forEach(name => showBeside(folded, shown, name)));
}

/** Three pictures of an output, in which one cursor reads the same place. */
function showBeside(host, shown, name, mark) {
    const row = make("div", {class: "beside"}, host), maps = [];
    const {outputs: {[name]: yours}, expected: {[name]: expected}, difference: {[name]: difference}} = shown;
    const most = scaleOf(expected) || (yours && scaleOf(yours));
    const add = (part, words, array, options) => {
        const card = make("div", {class: part}, row);
        make("h2", {text: words}, card);
        if (array) maps.push(new HeatMap(card, name, array, {width: 300, ...options}));
        else make("p", {class: "shape", text: "no numbers"}, card);
    };
    add("outputs", "came out: yours", yours, {most, mark: difference && mark});
    add("expected", "was expected", expected, {most, mark: difference && mark});
    if (!difference) return;
    add("difference", "difference: yours − expected", difference, {mark});
    for (const map of maps) map.moved = index => maps.forEach(other => other === map || other.select(index));
}

/** What made this number: below the arrays that came out. */
function explain(host, call, shown, name, index) {
    host.replaceChildren();
    make("h2", {text: `what made ${nameOf(name, index)}`}, host);
    if (call.label === "adamw_update") return make("p", {text: whatMoved(call, shown, name, index)}, host);
    const of = call.partner === null ? null : run.calls[call.partner];  // options are said in a forward
    const found = call.kind === "op" ? whatMade(call.label, call.way, shown, {...of?.options, ...call.options}, name, index) : null;
    if (!found) return make("p", {text: call.kind !== "layer" ? `The page cannot say it of ${call.label}.` : "Look inside: the ops of this layer say it (arrow down)."}, host);
    make("p", {text: found.words}, host);
    const inputs = Object.keys(found.of), made = nameOf(name, index), isSlope = input => found.slopes.includes(input);
    const parts = inputs.filter(input => !isSlope(input)), slopes = inputs.filter(isSlope);
    const lit = make("p", {class: "shape"}, host);
    const how = call.way === "forward" ? ", which is the number times its rate" : sumInDigits(found, shown.outputs[name]?.at(index));
    if (parts.length) lit.append(`Lit up in ${listed(parts)}: the part of each number in ${made}${how}. `);
    if (slopes.length) lit.append(`Lit up in ${listed(slopes)}: a slope, how much ${made} moves per unit when the number moves a little; it is no sum of them. `);
    const cards = make("div", {class: "cards"}, host);
    for (const [input, array] of Object.entries(found.of)) {
        const drawn = new NumberArray(array.flat, {...array, axes: (shown.inputs[input] ?? shown.cache[input])?.axes});
        const title = isSlope(input) ? `∂${name}/∂${input}` : `part of ${input}`;
        new HeatMap(cards, title, drawn, {mark: drawn.largest(), unit: isSlope(input) ? `slope of ${made}` : `part of ${made}`});
    }
}

/** What the parts of a gradient add up to: itself, but where they cancel so far that the digits of the page do not suffice. */
function sumInDigits({of}, number) {
    const sum = sumOf(Object.values(of).map(({flat}) => sumOf(flat)));
    return !(Math.abs(sum - number) > 1e-3 * Math.abs(number)) ? "; they add up to it"
        : `; of numbers with four digits they add up to ${inDigits(sum)}, since most of them cancel`;
}

/** Names one after the other: q, k and v. */
function listed(names) {
    return [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");
}

/** What AdamW made of a weight, or of its averages. */
function whatMoved({options}, {inputs, outputs}, name, index) {
    const [step, lr, eps, decay] = ["step", "lr", "eps", "weight_decay"].map(option => Number(options[option]));
    const [beta1, beta2] = options.betas.match(/[\d.e-]+/g).map(Number), said = inDigits;
    const at = input => inputs[input].at(index), now = output => outputs[`new ${output}`].at(index);
    const result = `${nameOf(name, index)} = ${said(outputs[name].at(index))}:`;
    if (name === "new m") return `${result} ${said(beta1)} × m + ${said(1 - beta1)} × grad, where m = ${said(at("m"))}, grad = ${said(at("grad"))}.`;
    if (name === "new v") return `${result} ${said(beta2)} × v + ${said(1 - beta2)} × grad², where v = ${said(at("v"))}, grad = ${said(at("grad"))}.`;
    const m = now("m") / (1 - beta1 ** step), v = now("v") / (1 - beta2 ** step), direction = m / (Math.sqrt(v) + eps);
    return `${result} the value ${said(at("value"))}, less ${said(lr * decay * at("value"))} by decay (lr × weight_decay × value), less ${said(lr * direction)} by Adam: `
        + `lr times m / (√v + eps) = ${said(direction)}, where m = ${said(m)} is new m / (1 − ${beta1}^${step}) and v = ${said(v)} is new v / (1 − ${beta2}^${step}).`;
}

function source(host, call) {
    const other = call.partner === null ? null : run.calls[call.partner];
    const backward = call.way === "backward" ? call : null;
    const pane = (about, words) => {
        const box = make("div", {class: "code"}, host);
        make("h2", {text: words}, box).append(" ", make("span", {class: "shape", text: `${about.file}, line ${about.line}`}));
        const lines = make("pre", {}, box), [from, to] = about.docstring.length ? about.docstring : [-1, -1];
        about.source.forEach((text, n) => {
            if (n >= from && n < to) {
                if (n === from) make("span", {class: "line folded", text: '    """…"""\n'}, lines);
                return;
            }
            const line = make("span", {class: "line", "data-line": n}, lines);
            const comment = text.search(/(^|\s)#\s/);
            line.append(comment < 0 ? text : text.slice(0, comment));
            if (comment >= 0) make("i", {text: text.slice(comment)}, line);
            if (run.raised?.file === about.file && run.raised.line === about.line + n) {
                line.classList.add("raised");
                make("i", {text: "  ← raised here"}, line);
            }
            line.append("\n");
        });
        return lines;
    };
    const about = run.functions[call.function], here = pane(about, call.words ? "yours" : call.way);
    for (const called of about.calls ?? []) pane(called, called.name);
    if (!backward || !other) return;
    const there = pane(run.functions[other.function], "the forward that it undoes");
    for (const [n, undone] of Object.entries(about.undoes)) {
        const line = here.querySelector(`[data-line="${n}"]`);
        const lit = undone.map(m => there.querySelector(`[data-line="${m}"]`)).filter(Boolean);
        line.tabIndex = 0;
        line.classList.add("undoes");
        line.title = `undoes: ${lit.map(each => each.textContent.trim()).join(" ")}`;
        const light = on => lit.forEach(each => each.classList.toggle("lit", on));
        for (const event of ["pointerenter", "focus"]) line.addEventListener(event, () => light(true));
        for (const event of ["pointerleave", "blur"]) line.addEventListener(event, () => light(false));
    }
}

function drawMap() {
    const here = run.calls[current], host = make("ul");
    make("li", {class: "ways", text: "forward ↓   ↑ backward"}, host);
    const button = (item, call, sign) => {
        const link = make("a", {href: `#${call.name}`, class: call.way, text: sign, title: `${titleOf(call)}, ${call.way}`, "aria-label": `${titleOf(call)}, ${call.way}`}, item);
        if (call.n === current) link.setAttribute("aria-current", "step");
    };
    const row = (call, depth) => {
        const item = make("li", {style: `--depth: ${depth}`}, host), other = call.partner === null ? null : run.calls[call.partner];
        const words = call.kind === "op" ? call.label : call.kind === "update" ? call.place : shortName(call);
        make("span", {class: call.kind, text: words, title: words}, item);
        if (call.way !== "backward") button(item, call, call.way === "forward" ? "↓" : "→");
        if (other) button(item, other, "↑");
        else if (call.way === "backward") button(item, call, "↑");
        const near = isInside(here, call) || (other && isInside(here, other));
        if (near) {
            call.children.forEach(child => row(child, depth + 1));
            other?.children.filter(child => child.partner === null).forEach(child => row(child, depth + 1));
        }
    };
    const roots = run.calls.filter(call => call.parent === null);
    for (const call of roots.filter(root => root.way === "forward")) {
        if (call.kind === "layer") {
            row({...call, children: []}, 0);
            call.children.forEach(child => row(child, 1));
        } else row(call, 0);
    }
    const updates = roots.filter(root => root.way === "update");
    if (updates.length) {
        make("li", {text: `update of ${updates.length} parameters`}, host);
        updates.filter(call => here.way === "update" || call === updates[0]).forEach(call => row(call, 1));
    }
    const map = one("map"), hadFocus = map.contains(document.activeElement);
    map.replaceChildren(host);
    if (hadFocus) map.querySelector("[aria-current]")?.focus({preventScroll: true});
}

/** Scroll the map as far as it needs, so that the step that is shown stands in it. */
function follow() {
    const map = one("map"), link = map.querySelector("[aria-current]"), box = map.getBoundingClientRect();
    if (!link) return;
    const {top, bottom} = link.getBoundingClientRect();
    map.scrollTop += Math.min(0, top - box.top) + Math.max(0, bottom - box.bottom);
}

async function openDialog(fill) {
    const dialog = one("dialog"), body = make("div", {class: "body"});
    dialog.replaceChildren(body);
    make("button", {class: "close", text: "close (Esc)"}, dialog).addEventListener("click", () => dialog.close());
    dialog.showModal();
    await fill(body);
    dialog.setAttribute("aria-label", body.querySelector("h2").textContent);
    body.querySelector("input, canvas[tabindex]")?.focus();
    dialog.dataset.shown = fill.name;
}

function showHelp(host) {
    make("h2", {text: "Keys"}, host);
    const keys = {
        "← →": "step before, next step", "↑ ↓": "coarser, finer: block, layer, op, inside ops", "f, b": "forward, backward of the same",
        "/": "search", s: "out of the map, into the step", w: "what if?", r: "what each place sees", "?": "this", Esc: "close",
        "Tab, then arrows": "read numbers of an array; Enter: what made this number?",
    };
    const list = make("dl", {}, host);
    for (const [name, words] of Object.entries(keys)) {
        make("dt", {text: name}, list);
        make("dd", {text: words}, list);
    }
    make("p", {text: `All numbers are those of the run, exact to ${run.digits} significant digits. ${run.about}`}, host);
}

function showSearch(host) {
    make("h2", {text: "Search"}, host);
    const input = make("input", {type: "search", "aria-label": "part of a name", placeholder: "attn softmax backward"}, host);
    const list = make("ul", {class: "found"}, host);
    const find = () => {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        const found = run.calls.filter(call => words.every(word => call.name.toLowerCase().includes(word))).slice(0, 50);
        list.replaceChildren();
        if (!found.length) make("li", {text: "No step has all of these words in its name: blocks.1.attn/softmax/backward is one."}, list);
        for (const call of found) make("a", {href: `#${call.name}`, text: call.name}, make("li", {}, list)).addEventListener("click", () => one("dialog").close());
    };
    input.addEventListener("input", find);
    input.addEventListener("keydown", event => {
        if (event.key === "Enter") list.querySelector("a")?.click();
    });
    find();
    input.focus();
}

start();
