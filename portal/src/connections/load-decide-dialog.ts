/** Fetches the dialog, and all that deciding needs, which most visits never do. */
export const loadDecideDialog = async () => (await import("./decide-dialog.tsx")).DecideDialog;
