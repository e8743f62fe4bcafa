// Ops that move numbers, or pick some: of what comes out, where it comes from. See rates.js.

/** An op that moves numbers and changes none, by where y[j] comes from; from nowhere if it is a zero. */
const moving = (from, name = "x") => ({
    sums: [name],
    by: {[name]: ["", (kept, j, i, call) => {
        const there = from(j, call, kept);
        return there !== null && agree(there, i);
    }]},
});

/** Where a column of tokens is found in heads of this width. */
const inHeads = (j, width) =>
    [...j.slice(0, -2), Math.floor(j.at(-1) / width), j.at(-2), j.at(-1) % width];

/** A place as the number of a tile of this height and width, row by row, and the place in it; and back. */
const inTile = ([y, x], [rows, columns], across) =>
    [Math.floor(y / rows) * across + Math.floor(x / columns), y % rows * columns + x % columns];
const outOfTile = ([tile, n], [rows, columns], across) =>
    [Math.floor(tile / across) * rows + Math.floor(n / columns), tile % across * columns + n % columns];

const both = ([rows, columns = rows]) => [rows, columns];

/** Where number n of a patch is found in the image, and back. */
function inImage([b, patch, n], call) {
    const size = both(call.option("patch_size")), [, , X, C] = call.shapeOf("x");
    return [b, ...outOfTile([patch, Math.floor(n / C)], size, X / size[1]), n % C];
}

function inPatches([b, y, x, c], call) {
    const size = both(call.option("patch_size")), X = both(call.option("img_size"))[1], C = call.yShape[3];
    const [patch, n] = inTile([y, x], size, X / size[1]);
    return [b, patch, n * C + c];
}

/**
 * Windows of a map, which was rolled by a shift and filled up with zeros.
 * @returns toMap([w, n]): the place of token n of window w, null where it fills up; and toWindow([y, x])
 */
function windowsOf(size, option, padFirst) {
    const window = both(option("window_size")), shift = both(option("shift_size", [0]));
    const filled = size.map((length, axis) => Math.ceil(length / window[axis]) * window[axis]);
    const across = filled[1] / window[1], round = padFirst ? filled : size;
    return {
        toMap(token) {
            const rolled = outOfTile(token, window, across);
            if (rolled.some((at, axis) => at >= round[axis])) return null;
            const place = rolled.map((at, axis) => (at + shift[axis]) % round[axis]);
            return place.some((at, axis) => at >= size[axis]) ? null : place;
        },
        toWindow: place => inTile(place.map((at, axis) =>
            (at - shift[axis] + round[axis]) % round[axis]), window, across),
    };
}

/** Rows and columns in front of a map, as the option says; null if it keeps the size. */
function paddingBefore(call) {
    if (call.text("padding") === "'same'") return null;
    const given = call.option("padding", [0]);
    return given.length === 4 ? [given[0], given[2]] : both(given);
}

/** How a window slides over a map of this size: by `met` the pixel under each place of it. */
function slidingOf(call, size, kernel, padding = paddingBefore(call)) {
    const stride = both(call.option("stride", kernel)), dilation = both(call.option("dilation", [1]));
    const missing = size.map((length, axis) => Math.max(0, (Math.ceil(length / stride[axis]) - 1) * stride[axis]
        + dilation[axis] * (kernel[axis] - 1) + 1 - length));
    const before = padding ?? missing.map(zeros => Math.floor(zeros / 2));
    return {
        met: (at, place) => at.map((n, axis) => n * stride[axis] + place[axis] * dilation[axis] - before[axis]),
        /** Which place of the window lies on a pixel; null if none does. */
        over(at, pixel) {
            const place = pixel.map((n, axis) => (n + before[axis] - at[axis] * stride[axis]) / dilation[axis]);
            return place.every((n, axis) => Number.isInteger(n) && n >= 0 && n < kernel[axis]) ? place : null;
        },
    };
}

/** A pool: which pixels of a window count, and how much. */
const pooling = (factor, counts) => ({by: {x: [factor, (kept, [b, yo, xo, c], [bi, y, x, ci], call) => {
    if (b !== bi || c !== ci) return false;
    const kernel = both(call.option("kernel_size"));
    const place = slidingOf(call, call.shapeOf("x").slice(1, 3), kernel).over([yo, xo], [y, x]);
    return place !== null && counts(kernel, place, kept, [b, yo, xo, c]);
}]}});

const OPS_THAT_MOVE = {
    add_positions: {by: {
        x: ["", (kept, j, i) => agree(j, i)],
        positions: ["", (kept, j, i, call) => reaches(i, call.shapeOf("positions"), j)],
    }},
    prepend_token: {by: {
        x: ["", (kept, [b, n, d], i, {yShape, shapeOf}) =>
            agree([b, n - yShape[1] + shapeOf("x")[1], d], i)],
        token: ["", (kept, [, n, d], i) => agree([0, n, d], i)],
    }},
    prepend_mean: {by: {x: ["share", (kept, [b, n, d], i, call) => {
        if (n) return agree([b, n - 1, d], i);
        return i[0] === b && i[2] === d && 1 / call.shapeOf("x")[1];
    }]}},
    first_token: moving(([b, d]) => [b, 0, d]),
    pick_token: moving(([b, d], call, {places}) => [b, places.at([b]), d]),
    prefix_tokens: moving(j => j),
    patch_tokens: moving(([b, n, d], call) => [b, n + call.option("num_prefix_tokens")[0], d]),
    embedding: moving((j, call, {tokens}) => [tokens.at(j.slice(0, -1)), j.at(-1)], "table"),
    relative_position_bias: moving(([h, n, m], call) => {
        const [rows, columns] = both(call.option("window_size"));
        const down = Math.floor(n / columns) - Math.floor(m / columns), right = n % columns - m % columns;
        return [(down + rows - 1) * (2 * columns - 1) + right + columns - 1, h];
    }, "table"),
    patchify: moving(inImage),
    unpatchify: moving(inPatches),
    merge_patches: moving(([b, y, x, n], call) => {
        const [, Y, X, C] = call.shapeOf("x"), quarter = Math.floor(n / C);
        const there = [b, 2 * y + quarter % 2, 2 * x + Math.floor(quarter / 2), n % C];
        return there[1] < Y && there[2] < X ? there : null;
    }),
    pixel_shuffle: moving(([b, y, x, c], call) => {
        const [r] = call.option("upscale");
        return [b, Math.floor(y / r), Math.floor(x / r), c * r * r + y % r * r + x % r];
    }),
    upsample_nearest: moving(([b, y, x, c], call) => {
        const [rows, columns] = both(call.option("scale"));
        return [b, Math.floor(y / rows), Math.floor(x / columns), c];
    }),
    window_partition: moving(([b, w, n, c], call) => {
        const windows = windowsOf(call.shapeOf("x").slice(1, 3), call.option, call.text("pad_first") === "True");
        const place = windows.toMap([w, n]);
        return place && [b, ...place, c];
    }),
    window_reverse: moving(([b, y, x, c], call) => {
        const windows = windowsOf(both(call.option("map_size")), call.option, call.text("pad_first") === "True");
        return [b, ...windows.toWindow([y, x]), c];
    }),
    split_heads: moving((j, call) =>
        [...j.slice(0, -3), j.at(-2), j.at(-3) * call.yShape.at(-1) + j.at(-1)]),
    merge_heads: moving((j, call) => inHeads(j, call.shapeOf("x").at(-1))),
    mean_pool: {by: {x: ["1 / N", (kept, [b, d], i, call) => {
        const [first] = call.option("num_prefix_tokens");
        return i[0] === b && i[2] === d && i[1] >= first && 1 / (call.shapeOf("x")[1] - first);
    }]}},
    avg_pool2d: pooling("1 / (P Q)", kernel => 1 / product(kernel)),
    max_pool2d: pooling("", ([, columns], [p, q], {winner}, j) => winner.at(j) === p * columns + q),
};
