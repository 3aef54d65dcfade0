/** What a command gets of the world: main.ts alone knows the process. */
export type Context = {
	/** Aborted by SIGINT and SIGTERM. */
	readonly signal: AbortSignal;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly version: string;
	/** The folder of package.json: where `models/` and `config/` lie. */
	readonly home: string;
	/** True when a person watches: progress is drawn in place, verdicts are coloured. */
	readonly interactive: boolean;
	/** True when lines for people go to systemd's journal. */
	readonly toJournal: boolean;
	/** A line of the result on standard output; anything else than text as one line of JSON. */
	print(result: string | object): void;
	/**
	 * A line for people on standard error; the next one overwrites a transient one where a person watches, and otherwise it is left out.
	 * Anything else than text as one line of JSON, behind `prefix`.
	 */
	note(line: string | object, options?: { readonly transient?: boolean; readonly prefix?: string }): void;
	/** Calls when SIGHUP comes, which ends the process otherwise. */
	onHangup(hear: () => void): void;
	/** From now on no line for people shows these; passwords in addresses are never shown. */
	conceal(secrets: readonly string[]): void;
};
