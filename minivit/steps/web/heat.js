// An array as a picture: two axes are rows and columns, sliders choose the others, a cursor reads the numbers.

const dark = matchMedia("(prefers-color-scheme: dark)");
const BELOW = [213, 94, 0], ABOVE = [0, 114, 178];  // told apart with any kind of colour vision (Okabe and Ito 2008)

const HIGHEST = 216;  // pixels of a picture: what goes in and what comes out stand beside each other, below a formula
const SHADES = 255, NO_NUMBER = [204, 121, 167];

/** White, or black in the dark, is zero; orange is below it, blue above: so many shades of both, as pixels. */
function shades() {
    const middle = dark.matches ? [24, 26, 30] : [255, 255, 255];
    const between = n => middle.map((from, c) => Math.round(from + ((n < 0 ? BELOW : ABOVE)[c] - from) * Math.abs(n) / SHADES));
    const colours = Array.from({length: 2 * SHADES + 1}, (_, n) => between(n - SHADES));
    return Uint32Array.from([...colours, NO_NUMBER], ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0);
}

/** The largest size of a number of these arrays: where the colours end. */
function scaleOf(...arrays) {
    return Math.max(0, ...arrays.flatMap(array => array.range().map(Math.abs)).filter(Number.isFinite));
}

class HeatMap {
    /**
     * @param host element that it is put into
     * @param title what the array is called
     * @param array NumberArray
     * @param options most: where the colours end; choose(index): an element was chosen; width: of the picture;
     *     mark: index of an element that is outlined and read from the start; unit: what the numbers are, if it must be said
     */
    constructor(host, title, array, {most, choose, width = 288, mark, unit = ""}) {
        Object.assign(this, {title, array, choose, most: most ?? scaleOf(array), width, unit});
        this.mark = mark?.every((at, axis) => at < array.shown[axis]) ? mark : null;
        this.index = this.mark ? [...this.mark] : array.shown.map(() => 0);
        const long = array.shown.map((length, axis) => [length, axis]).filter(([length]) => length > 1).map(([, axis]) => axis);
        const of = (...names) => long.find(axis => names.includes(array.axes[axis]));
        const [Y, X] = [of("Y", "Yo") ?? of("P"), of("X", "Xo") ?? of("Q")];  // of a map, or of a kernel
        this.isMap = Y !== undefined && X !== undefined;  // it is looked at as an image
        this.columns = this.isMap ? X : long.at(-1) ?? array.shown.length - 1;
        this.rows = this.isMap ? Y : long.at(-2) ?? -1;
        this.card = make("figure", {class: "card"}, host);
        const caption = make("figcaption", {}, this.card);
        make("b", {text: title}, caption);
        caption.append(" ");
        make("span", {class: "shape", text: this.shapeInWords()}, caption);
        this.canvas = make("canvas", {tabindex: 0, role: "application", "data-array": title}, make("div", {class: this.mark ? "canvas marked" : "canvas"}, this.card));
        this.outline = make("span", {class: "mark"}, this.canvas.parentElement);
        this.sliders = make("div", {class: "sliders"}, this.card);
        this.sliderOf = {};
        array.shown.forEach((length, axis) => {
            if (axis !== this.rows && axis !== this.columns && length > 1) this.addSlider(axis, length);
        });
        this.scale = make("div", {class: "scale"}, this.card);
        if (array.cropped) make("p", {class: "part", text: this.partInWords()}, this.card);
        this.reading = make("output", {class: "reading", "aria-live": "polite"}, this.card);
        this.canvas.addEventListener("pointermove", event => this.point(event));
        this.canvas.addEventListener("click", event => { this.point(event); this.choose?.([...this.index]); });
        this.canvas.addEventListener("keydown", event => this.key(event));
        this.canvas.addEventListener("focus", () => this.read());
        this.draw();
        if (this.mark) this.say();
    }

    shapeInWords() {
        const {shape, axes} = this.array, name = axis => axes[axis].startsWith("axis") ? "" : `${axes[axis]} `;
        return shape.map((length, axis) => name(axis) + length).join(" × ") || "one number";
    }

    partInWords() {
        const {shown, facts} = this.array;
        return `the first ${shown.join(" × ")} are kept; of all, mean ${inDigits(facts.mean)}, std ${inDigits(facts.std)}`;
    }

    addSlider(axis, length) {
        const name = this.array.axes[axis];
        const label = make("label", {text: `${name} = ${this.index[axis]}`}, this.sliders);
        const slider = make("input", {type: "range", min: 0, max: length - 1, value: this.index[axis], "aria-label": `${name} of ${this.title}`}, label);
        this.sliderOf[axis] = slider;
        slider.addEventListener("input", () => {
            this.index[axis] = Number(slider.value);
            label.firstChild.textContent = `${name} = ${slider.value}`;
            this.draw();
            if (this.reading.textContent) this.say();
            this.moved?.(this.index);
        });
    }

    /** How many cells there are in both directions, and how large one is: a square on an image, else nearly one. */
    get cells() {
        const {shown} = this.array, length = axis => axis < 0 || shown.length === 0 ? 1 : shown[axis];
        const rows = length(this.rows), columns = length(this.columns), most = this.isMap ? 1 : 4 / 3;
        const fits = [Math.floor(this.width / columns), Math.floor(HIGHEST / rows)].map(size => Math.max(2, Math.min(18, size)));
        const least = Math.min(...fits), [width, height] = fits.map(size => Math.min(size, Math.floor(most * least)));
        return {rows, columns, width, height: rows < 4 ? Math.max(height, 16) : height};
    }

    /** Pixels that it takes beside others; what is wider can be scrolled. */
    get widest() {
        return Math.max(165, Math.min(this.width, this.cells.columns * this.cells.width));
    }

    draw() {
        this.outline.hidden = !this.mark;
        this.canvas.hidden = !this.array.size;
        if (!this.array.size) return;
        const {rows, columns, width, height} = this.cells;
        const picture = new ImageData(columns, rows), pixels = new Uint32Array(picture.data.buffer), colours = shades();
        const {flat, strides, offset} = this.array, stride = axis => strides[axis] ?? 0, first = [...this.index];
        this.place(first, 0, 0);
        const start = first.reduce((place, at, axis) => place + at * strides[axis], offset);
        for (let row = 0, n = 0; row < rows; row++) for (let column = 0; column < columns; column++, n++) {
            const share = flat[start + row * stride(this.rows) + column * stride(this.columns)] / (this.most || 1);
            const shade = Math.round(SHADES * Math.max(-1, Math.min(1, share)));
            pixels[n] = colours[Number.isFinite(share) ? shade + SHADES : colours.length - 1];
        }
        Object.assign(this.canvas, {width: columns, height: rows});
        Object.assign(this.canvas.style, {width: `${columns * width}px`, height: `${rows * height}px`});
        this.canvas.getContext("2d").putImageData(picture, 0, 0);
        const [low] = this.array.range(), end = inDigits(this.most);
        this.scale.replaceChildren(low < 0 ? `−${end} ` : "0 ");
        make("span", {class: low < 0 ? "legend signed" : "legend"}, this.scale);
        this.scale.append([` ${end}`, this.unit, this.array.odd ? "pink: nan or infinite" : ""].filter(Boolean).join("; "));
        this.scale.title = "one scale for all slices of this array: orange below zero, blue above";
        this.canvas.setAttribute("aria-label", `${this.title}, ${this.shapeInWords()}${this.array.cropped ? `, ${this.partInWords()}` : ""}; arrow keys read numbers, Enter asks what made one`);
        if (this.mark) this.drawMark(width, height);
    }

    /** Outline the marked element, if it is in the slice that is shown. */
    drawMark(width, height) {
        const axis = {row: this.rows, column: this.columns}, at = name => this.mark[axis[name]] ?? 0;
        this.outline.hidden = this.mark.some((place, n) => n !== axis.row && n !== axis.column && place !== this.index[n]);
        const [left, top] = [4 + at("column") * width, 4 + at("row") * height];  // 4: what is around the picture
        this.outline.setAttribute("style", `left: ${left}px; top: ${top}px; width: ${width}px; height: ${height}px`);
    }

    /** Go to an element, as if the reader had pointed at it. */
    select(index) {
        this.index = [...index];
        let other = false;
        for (const [axis, slider] of Object.entries(this.sliderOf)) {
            other ||= Number(slider.value) !== index[axis];
            slider.value = index[axis];
            slider.parentElement.firstChild.textContent = `${this.array.axes[axis]} = ${index[axis]}`;
        }
        if (other) this.draw();
        this.say();
    }

    place(index, row, column) {
        if (this.rows >= 0) index[this.rows] = row;
        if (this.columns >= 0 && index.length) index[this.columns] = column;
    }

    point(event) {
        const {rows, columns} = this.cells;
        this.place(this.index, ...cellAt(event, this.canvas, rows, columns));
        this.read();
    }

    key(event) {
        const {rows, columns} = this.cells, now = axis => axis < 0 ? 0 : this.index[axis] ?? 0;
        const beside = cellBeside(event.key, now(this.rows), now(this.columns), rows, columns);
        if (event.key === "Enter" || event.key === " ") this.choose?.([...this.index]);
        else if (beside) {
            this.place(this.index, ...beside);
            this.read();
        } else return;
        event.preventDefault();
        event.stopPropagation();
    }

    say() {
        this.reading.textContent = `${nameOf(this.title, this.index)} = ${inDigits(this.array.at(this.index))}`;
    }

    read() {
        this.say();
        this.moved?.(this.index);
    }
}

/** The row and the column of a picture that the pointer is on. */
function cellAt(event, picture, rows, columns) {
    const {left, top, width, height} = picture.getBoundingClientRect();
    const cell = (place, length, count) => within(Math.floor(place / length * count), count);
    return [cell(event.clientY - top, height, rows), cell(event.clientX - left, width, columns)];
}

/** The row and the column that an arrow key leads to, or nothing for other keys. */
function cellBeside(key, row, column, rows, columns) {
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[key];
    return step && [within(row + step[0], rows), within(column + step[1], columns)];
}

function within(place, count) {
    return Math.max(0, Math.min(count - 1, place));
}

/** An element with attributes, at the end of another. */
function make(tag, attributes = {}, host = null) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name === "text") element.textContent = value;
        else if (name === "html") element.innerHTML = value;
        else element.setAttribute(name, value);
    }
    host?.append(element);
    return element;
}
