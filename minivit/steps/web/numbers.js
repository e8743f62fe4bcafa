// Numbers of the page: letters become bytes, bytes become arrays, and an array knows its shape and its strides.

const LETTERS = Array.from({length: 94}, (_, n) => String.fromCharCode(33 + n)).filter(letter => !'"<\\'.includes(letter));
const VALUE_OF = new Uint8Array(128);
LETTERS.forEach((letter, value) => { VALUE_OF[letter.charCodeAt(0)] = value; });
const ZERO = 127, INFINITE = 126, NOT_A_NUMBER = 125;

/** Two letters hold 13 bits. */
function bytesOf(letters, length) {
    const bytes = new Uint8Array(length);
    let bits = 0, held = 0, at = 0;
    for (let n = 0; n < letters.length && at < length; n += 2) {
        const high = VALUE_OF[letters.charCodeAt(n)], low = VALUE_OF[letters.charCodeAt(n + 1)];
        bits = (bits << 13) | (high * LETTERS.length + low);
        for (held += 13; held >= 8 && at < length; held -= 8) bytes[at++] = bits >> (held - 8);
        bits &= (1 << held) - 1;
    }
    return bytes;
}

/** What zlib has compressed. */
async function unpacked({letters, bytes}) {
    const stream = new Blob([bytesOf(letters, bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Planes of bytes as numbers: whole ones, float32 with 28 bits, or four decimal digits and an exponent. */
async function numbersOf(packed) {
    const planes = await unpacked(packed), count = packed.numbers, numbers = new Float64Array(count);
    const plane = (n, at) => planes[n * count + at];
    const bits = new DataView(new ArrayBuffer(4));
    for (let at = 0; at < count; at++) {
        if (packed.kind === "whole") {
            numbers[at] = (plane(0, at) << 24) | (plane(1, at) << 16) | (plane(2, at) << 8) | plane(3, at);
        } else if (packed.kind === "exact") {
            const halves = planes[3 * count + (at >> 1)], half = at % 2 ? halves & 15 : halves >> 4;
            bits.setUint32(0, ((plane(0, at) << 24) | (plane(1, at) << 16) | (plane(2, at) << 8) | (half << 4)) >>> 0);
            numbers[at] = bits.getFloat32(0);
        } else {
            const exponent = (plane(0, at) << 24) >> 24, digits = ((plane(1, at) << 24) >> 16) | plane(2, at);
            numbers[at] = exponent === ZERO ? 0 : exponent === NOT_A_NUMBER ? NaN
                : exponent === INFINITE ? digits * Infinity : scaled(digits, exponent - 3);
        }
    }
    return numbers;
}

const POWERS = Array.from({length: 23}, (_, power) => Number(`1e${power}`));

/** The number nearest to digits times a power of ten; up to 10 ** 22 a double is one exactly. */
function scaled(digits, power) {
    if (Math.abs(power) > 22) return Number(`${digits}e${power}`);
    return power < 0 ? digits / POWERS[-power] : digits * POWERS[power];
}

/** Part of a flat piece of memory, with the shape, strides and names of axes that it has for the reader. */
class NumberArray {
    constructor(flat, {shape, strides, offset, shown, axes, facts}) {
        Object.assign(this, {flat, shape, strides, offset, facts, shown: shown ?? shape, cropped: Boolean(shown)});
        this.axes = axes ?? shape.map((_, n) => `axis ${n}`);
        this.size = product(this.shown);
    }

    at(index) {
        let place = this.offset;
        for (let axis = 0; axis < index.length; axis++) place += index[axis] * this.strides[axis];
        return this.flat[place];
    }

    /** Every index that the page has, in order. */
    *indices() {
        const index = this.shown.map(() => 0);
        for (let n = 0; n < this.size; n++) {
            yield index;
            for (let axis = index.length - 1; axis >= 0 && ++index[axis] === this.shown[axis]; axis--) index[axis] = 0;
        }
    }

    /** Where the number of the largest size is; nothing if all are 0. */
    largest() {
        let most = 0, place = null;
        for (const index of this.indices()) {
            const size = Math.abs(this.at(index));
            if (size > most) [most, place] = [size, [...index]];
        }
        return place;
    }

    /** The least and the largest of all finite numbers; `odd` is whether there are others. */
    range() {
        if (!this.extent) {
            let low = Infinity, high = -Infinity;
            const see = number => {
                if (!Number.isFinite(number)) this.odd = true;
                else {
                    if (number < low) low = number;
                    if (number > high) high = number;
                }
            };
            if (this.size === this.flat.length) this.flat.forEach(see);
            else for (const index of this.indices()) see(this.at(index));
            this.extent = this.facts ? [this.facts.min, this.facts.max] : [low, high];
        }
        return this.extent;
    }
}

/** Four significant digits, as all numbers of the page. */
function inDigits(number) {
    if (number === undefined) return "not kept";
    if (!Number.isFinite(number) || number === 0 || Number.isInteger(number) && Math.abs(number) < 1e6) return String(number);
    const size = Math.abs(number);
    return size < 1e-4 || size >= 1e6 ? number.toExponential(3) : number.toPrecision(4);
}

/** An element by its array and its place: dq[0, 1, 3]. */
function nameOf(title, index) {
    return index.length ? `${title}[${index.join(", ")}]` : title;
}

function product(lengths) {
    return lengths.reduce((all, length) => all * length, 1);
}

function sumOf(numbers) {
    return numbers.reduce((sum, number) => sum + number, 0);
}
