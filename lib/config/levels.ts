/** Levels of the log, from the least to the most severe. */
export const levels = ["debug", "info", "warning", "error"] as const;
