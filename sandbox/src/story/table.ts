import { styleText } from "node:util";
import type { Chapter } from "./tell.ts";

const columns = [
  { title: " ", width: 2 },
  { title: "#", width: 3 },
  { title: "verdict", width: 8 },
  { title: "status", width: 7 },
  { title: "reason", width: 26 },
  { title: "way", width: 9 },
  { title: "gate", width: 6 },
] as const;

/** The head of the table. */
export function renderHead(): string {
  const head = `${columns.map(column => column.title.padEnd(column.width)).join("")}what it means`;
  return styleText("bold", head);
}

/** One line for each chapter; a second one says what is wrong with it. */
export function renderChapter(chapter: Chapter): string {
  const cells = [
    chapter.ok ? "✓" : "✗",
    String(chapter.step),
    chapter.verdict,
    chapter.status === 0 ? "-" : String(chapter.status),
    chapter.reason === "" ? "-" : chapter.reason,
    chapter.way,
    chapter.gate ?? "-",
  ];
  const [mark = "", ...rest] = cells.map((cell, index) => cell.padEnd(columns[index]?.width ?? 0));
  const line = `${styleText(chapter.ok ? "green" : "red", mark)}${rest.join("")}${chapter.meaning}`;
  return chapter.problem === undefined ? line : `${line}\n     ${styleText("red", chapter.problem)}`;
}
