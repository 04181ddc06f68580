/** The one error class, which says what, which value, where and how to mend it; and the exit codes. */

/** Exit codes as in sysexits.h, but for NO_MATCH, which is grep's, and UNWELL, which is the doctor's. */
export const EXIT = {
  OK: 0,
  NO_MATCH: 1,
  UNWELL: 2,
  USAGE: 64,
  DATA: 65,
  NO_INPUT: 66,
  NO_HOST: 68,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  CANNOT_CREATE: 73,
  IO: 74,
  NO_PERMISSION: 77,
  CONFIG: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorParts {
  readonly exitCode: ExitCode;
  /** The offending value, as given. */
  readonly value?: string;
  /** Where it stands: FILE, FILE:LINE:COLUMN, or the command that failed. */
  readonly where?: string;
  /** What would be right, or what to do next. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Prints as `where: what (value), remedy`. */
export class KnocktailError extends Error {
  override readonly name = 'KnocktailError';
  /** The message without its remedy. */
  readonly complaint: string;
  readonly exitCode: ExitCode;
  readonly what: string;
  readonly value: string | undefined;
  readonly where: string | undefined;
  readonly remedy: string | undefined;

  constructor(what: string, parts: ErrorParts) {
    const complaint = compose(what, parts);
    super(parts.remedy === undefined ? complaint : `${complaint}, ${parts.remedy}`, { cause: parts.cause });
    this.complaint = complaint;
    this.what = what;
    this.exitCode = parts.exitCode;
    this.value = parts.value;
    this.where = parts.where;
    this.remedy = parts.remedy;
  }
}

function compose(what: string, { where, value }: ErrorParts): string {
  const place = where === undefined ? '' : `${where}: `;
  const quoted = value === undefined ? '' : ` (${value})`;
  return `${place}${what}${quoted}`;
}

/** What went wrong, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
