// What made a number: the parts that it is the sum of, or how much each input moves it.
//
// An op says one thing: the rate at which y[j] moves with element i of an input, by what its cache
// keeps: see rates.js, attends.js and moves.js. Both ways follow. A gradient at i is the sum over all
// j of dy[j] times that rate, which are its parts. Where y is linear in an input, y[j] is a sum, too,
// and element i has a part in it: the element times its rate. Where it is not, there are no parts,
// and a slope is all that can be said.

/**
 * @param label name of an op, as in minivit.every_op; way: "forward" or "backward"
 * @param arrays {inputs, cache, outputs}, each {name: array}; an array has shape and at(index)
 * @param options {name: Python's repr}, in a backward those of its forward, too
 * @param name and index of an element of an output or of a gradient: "y", "dx", "dweight"
 * @returns {of: {name: array}, slopes, words}, or null for an op that is not known. In `of` are the
 *     parts of the number, of each element of an input; or slopes, of those inputs that are named so.
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
        const slopes = forward ? Object.keys(of).filter(input => op.slopes?.includes(input)) : [];
        return {of, slopes, words: `${head}: ${words}.`};
    } catch (error) {
        if (!error.isLacking) throw error;
        return {of: {}, slopes: [], words: `${head}: what made it ${error.message}.`};
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
    const made = new Map();
    const once = (key, make) => {  // computed for the first element that asks, and kept for the others
        if (!made.has(`${key}`)) made.set(`${key}`, make());
        return made.get(`${key}`);
    };
    return {
        label,
        once,
        kept: new Proxy(cache, {get: whole}),
        given: name => Object.hasOwn(inputs, name),
        input: name => whole(inputs, name),
        shapeOf: name => (forward ? inputs[name] : outputs[`d${name}`]).shape,
        yShape: (forward ? outputs.y : inputs.dy)?.shape ?? [],
        text: name => options[name],
        option: (name, otherwise) => once(name, () => {
            const text = (options[name] ?? "").replace(/np\.\w+/g, "");  // np.float32(0.5), (2, 3)
            const numbers = text.match(/-?\d[\d.]*(e[-+]?\d+)?/gi)?.map(Number) ?? otherwise;
            if (!numbers) throw lacking(`without ${name}, an option that is not kept`);
            return numbers;
        }),
    };
}

function whatMadeOutput(op, call, j) {
    const names = Object.keys(op.by).filter(name => call.given(name) || !OPTIONAL.includes(name));
    const found = names.map(name => {
        const [factor, rate] = op.by[name];
        return {name, factor, ...whatCounts(call.input(name), i => rate(call.kept, j, i, call))};
    });
    const sums = found.filter(({name, factor}) => (op.sums ?? ["x", "v"]).includes(name) || !factor);
    const of = Object.fromEntries(found.map(({name, rates, parts}) =>
        [name, op.slopes?.includes(name) ? rates : parts]));
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

/** Inputs that an op need not be given. */
const OPTIONAL = ["bias", "relative", "token"];

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
