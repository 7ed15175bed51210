// Draws a picture on a canvas: where every cell lies, how it is tinted, outlined and printed.
import type { Picture } from './picture.ts';
import { step, type Ramp } from './ramp.ts';

/** Pixels. */
export interface Plan {
  left: number;
  top: number;
  cell: { width: number; height: number };
  gap: number;
  groupGap: number;
  width: number;
  height: number;
  prints: boolean;
}

const LABEL = 28;
const HEAD = 16;
const FONT = 11;

const between = (least: number, value: number, most: number) => Math.min(most, Math.max(least, value));

export function planOf(picture: Picture, available: number, printing: boolean): Plan {
  const { kind, rows, columns, group } = picture;
  if (kind === 'map') {
    const side = between(120, available - LABEL, 520);
    return { left: LABEL, top: 4, cell: { width: side / columns, height: side / rows }, gap: 0, groupGap: 0, width: LABEL + side + 2, height: side + 6, prints: false };
  }
  if (kind === 'columns') {
    const width = between(2, (available - 2) / columns, 28);
    return { left: 1, top: 6, cell: { width, height: 56 }, gap: width > 4 ? 1 : 0, groupGap: 0, width: 2 + width * columns, height: 66, prints: false };
  }
  const groups = group && group < columns ? columns / group : 1;
  const groupGap = groups > 1 ? 4 : 0;
  const room = available - LABEL - groupGap * (groups - 1);
  const width = kind === 'bars' ? between(80, room, 320) : Math.floor(between(printing ? 36 : 7, room / columns, 60));
  const height = printing ? 18 : rows <= 8 ? 22 : rows <= 16 ? 17 : 12;
  const prints = kind === 'bars' || (width >= 32 && height >= 12);
  return { left: LABEL, top: kind === 'bars' ? 2 : HEAD, cell: { width, height }, gap: 1, groupGap, width: LABEL + width * columns + groupGap * (groups - 1) + 1, height: (kind === 'bars' ? 2 : HEAD) + height * rows + 1, prints };
}

/** The left edge of a column. */
export const columnAt = ({ left, cell, groupGap }: Plan, column: number, group: number | undefined): number => left + column * cell.width + (group ? Math.floor(column / group) * groupGap : 0);

/** The cell under a point, or null. */
export function cellAt(picture: Picture, plan: Plan, x: number, y: number): { row: number; column: number } | null {
  const row = Math.floor((y - plan.top) / plan.cell.height);
  if (row < 0 || row >= picture.rows) return null;
  for (let column = 0; column < picture.columns; column++) {
    const from = columnAt(plan, column, picture.group);
    if (x >= from && x < from + plan.cell.width) return { row, column };
  }
  return null;
}

/** Cells that are drawn at a time. */
const SLICE = 128;

type Pen = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** All of it at once. */
export function paintInto(context: Pen, picture: Picture, plan: Plan, ramp: Ramp, font: string): void {
  for (const _ of paintSteps(context, picture, plan, ramp, font));
}

/** Step by step, each of them bounded. */
export function* paintSteps(context: Pen, picture: Picture, plan: Plan, ramp: Ramp, font: string): Generator<void> {
  const { kind, rows, columns, group } = picture;
  context.font = `${FONT}px ${font}`;
  context.textBaseline = 'middle';
  if (kind === 'map') return yield* map(context, picture, plan, ramp);
  if (kind !== 'columns') labels(context, picture, plan, ramp);
  if (kind === 'cells') frames(context, picture, plan, ramp);
  for (let i = 0; i < rows * columns; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const value = picture.value(row, column);
    const box = { x: columnAt(plan, column, group), y: plan.top + row * plan.cell.height, width: plan.cell.width - plan.gap, height: plan.cell.height - plan.gap };
    if (kind === 'bars') bar(context, picture, box, value, picture.print(row, column), ramp);
    else if (kind === 'columns') standing(context, picture, box, value, ramp);
    else cell(context, picture, box, value, picture.reference?.(row, column) ?? null, plan.prints ? picture.print(row, column) : '', ramp);
    if (i % SLICE === SLICE - 1) yield;
  }
  if (kind === 'columns') {
    context.fillStyle = ramp.own('line');
    context.fillRect(plan.left, plan.top + plan.cell.height, plan.width - 2, 1);
  }
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function cell(context: Pen, picture: Picture, { x, y, width, height }: Box, value: number | null, reference: number | null, text: string, ramp: Ramp): void {
  if (value === null) {
    context.strokeStyle = ramp.own('line');
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    return;
  }
  const share = value / picture.most;
  context.fillStyle = ramp.colour(reference === null ? share : reference / picture.most);
  context.fillRect(x, y, width, height);
  if (reference !== null) {
    const frame = width >= 20 && height >= 14 ? 3 : 2;
    context.fillStyle = ramp.colour(share);
    context.fillRect(x + frame, y + frame, width - 2 * frame, height - 2 * frame);
  }
  if (ramp.printing) {
    context.strokeStyle = ramp.own('line');
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  }
  if (text === '') return;
  context.fillStyle = ramp.ink(share);
  context.textAlign = 'center';
  context.fillText(text, x + width / 2, y + height / 2 + 0.5);
}

function bar(context: Pen, picture: Picture, { x, y, width, height }: Box, value: number | null, text: string, ramp: Ramp): void {
  const room = width - 52;
  const length = Math.max(value ? 1 : 0, (room * (value ?? 0)) / picture.most);
  context.fillStyle = ramp.colour(1);
  context.fillRect(x, y + 2, length, height - 4);
  context.fillStyle = ramp.own('ink');
  context.textAlign = 'left';
  context.fillText(text, x + length + 5, y + height / 2 + 0.5);
}

function standing(context: Pen, picture: Picture, { x, y, width, height }: Box, value: number | null, ramp: Ramp): void {
  const length = Math.max(value ? 1 : 0, (height * (value ?? 0)) / picture.most);
  context.fillStyle = ramp.colour(1);
  context.fillRect(x, y + height - length, width, length);
}

/** Around the columns that belong together: where nearly all is nothing, one still sees where it is. */
function frames(context: Pen, { rows, columns, group = columns }: Picture, plan: Plan, ramp: Ramp): void {
  context.strokeStyle = ramp.own('line');
  context.lineWidth = 1;
  for (let column = 0; column < columns; column += group) {
    context.strokeRect(columnAt(plan, column, group) - 0.5, plan.top - 0.5, Math.min(group, columns - column) * plan.cell.width, rows * plan.cell.height);
  }
}

/** Layers on the left, heads on top, as many as there is room for. */
function labels(context: Pen, picture: Picture, plan: Plan, ramp: Ramp): void {
  context.fillStyle = ramp.own('quiet');
  context.textAlign = 'right';
  const everyRow = Math.ceil(13 / plan.cell.height);
  for (let row = 0; row < picture.rows; row += everyRow) context.fillText(String(row), plan.left - 6, plan.top + (row + 0.5) * plan.cell.height);
  if (picture.kind === 'bars') return;
  context.textAlign = 'center';
  const everyColumn = Math.ceil(20 / plan.cell.width);
  for (let column = 0; column < picture.columns; column += everyColumn) context.fillText(picture.columnLabel?.(column) ?? String(column), columnAt(plan, column, picture.group) + plan.cell.width / 2, plan.top - 8);
}

/** Points of a map that are tinted at a time. */
const POINTS = 16_384;

function* map(context: Pen, picture: Picture, plan: Plan, ramp: Ramp): Generator<void> {
  const { rows, columns } = picture;
  const picked = new Uint32Array(ramp.bytes().slice().buffer);
  const image = new ImageData(columns, rows);
  const points = new Uint32Array(image.data.buffer);
  let tinted = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column <= row; column++) points[row * columns + column] = picked[step((picture.value(row, column) ?? 0) / picture.most)];
    tinted += row + 1;
    if (tinted < POINTS) continue;
    tinted = 0;
    yield;
  }
  const held = new OffscreenCanvas(columns, rows);
  held.getContext('2d')!.putImageData(image, 0, 0);
  const side = plan.cell.width * columns;
  context.imageSmoothingEnabled = side < columns;
  context.drawImage(held, plan.left, plan.top, side, side);
  context.strokeStyle = ramp.own('line');
  context.strokeRect(plan.left - 0.5, plan.top - 0.5, side + 1, side + 1);
  if (!picture.marks) return;
  context.strokeStyle = ramp.own('ink');
  context.lineWidth = 1;
  context.beginPath();
  const x = (column: number) => plan.left + (column * side) / columns;
  for (let row = 0; row <= rows; row++) context.lineTo(x(picture.marks.window(Math.min(row, rows - 1))), plan.top + (row * side) / rows);
  context.stroke();
  context.setLineDash([2, 2]);
  context.beginPath();
  context.moveTo(x(picture.marks.sinks), plan.top);
  context.lineTo(x(picture.marks.sinks), plan.top + side);
  context.stroke();
  context.setLineDash([]);
}

export function outline(context: Pen, picture: Picture, plan: Plan, { row, column }: { row: number; column: number }, ramp: Ramp): void {
  const x = columnAt(plan, column, picture.group);
  const y = plan.top + row * plan.cell.height;
  const [width, height] = [Math.max(3, plan.cell.width - plan.gap), Math.max(3, plan.cell.height - plan.gap)];
  context.lineWidth = 2;
  context.strokeStyle = ramp.own('focus');
  context.strokeRect(x - 1, y - 1, width + 2, height + 2);
}
