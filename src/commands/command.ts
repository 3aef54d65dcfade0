/** What a command gets of the world: main.ts alone knows the process. */
export type Context = {
	readonly signal: AbortSignal;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly cwd: string;
	/** The folder of package.json: where `models/` and `config/` lie. */
	readonly home: string;
	/** True when a person watches (a terminal): progress bars are drawn in place. */
	readonly interactive: boolean;
	print(line: string): void;
	/** A line for people on standard error; `transient` is overdrawn by the next. */
	note(line: string, transient?: boolean): void;
};

export type OptionValue = string | boolean | undefined;

/** One subcommand. `options` is the one table that parsing and `--help` both read. */
export type Command = {
	readonly name: string;
	readonly summary: string;
	/** Positional arguments in order, as shown in the usage line. */
	readonly positionals: readonly string[];
	readonly options: Readonly<Record<string, CommandOption>>;
	/** Hidden ones are our own child processes. */
	readonly hidden?: boolean;
	/** @throws Failure for everything a person can cause; 'usage' ends with exit code 2, others with 1. */
	run(args: Arguments, context: Context): Promise<void>;
};

export type CommandOption = {
	readonly value?: string;
	readonly summary: string;
	readonly fallback?: string;
};

export type Arguments = {
	readonly positionals: readonly string[];
	readonly options: Readonly<Record<string, OptionValue>>;
};
