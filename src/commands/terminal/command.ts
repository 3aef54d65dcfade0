import type { Context } from '../../base/context.js';
import { Failure } from '../../base/failure.js';

export type Option = {
	/** What stands for the value in the help; without it the option is a switch. */
	readonly value?: string;
	readonly summary: string;
	readonly fallback?: string;
};

/** One subcommand. `options` is the one table that parsing and `--help` both read. */
export type Command = {
	readonly name: string;
	readonly summary: string;
	/** Positional arguments in order, as shown in the usage line; of a last one in brackets with "…" there may be any number. */
	readonly positionals: readonly string[];
	readonly options: Readonly<Record<string, Option>>;
	/** What stands before the options in the help where these words were given; undefined: as ever. */
	readonly helpOf?: (words: readonly string[]) => string | undefined;
	/** @throws Failure for everything that a person can cause; code 'usage' ends with exit code 2, others with 1 */
	run(args: Arguments, context: Context): Promise<void>;
};

export type Arguments = {
	readonly positionals: readonly string[];
	readonly options: Readonly<Record<string, string | boolean | undefined>>;
};

/** The text of an option that has a value, or its fallback. */
export function textOption({ options }: Arguments, name: string): string | undefined {
	const value = options[name];
	return typeof value === 'string' ? value : undefined;
}

/** One of a few names, undefined where the option was not given. @throws Failure usage */
export function choiceOption<T extends string>(
	args: Arguments,
	name: string,
	known: readonly T[],
): T | undefined {
	const text = textOption(args, name);
	if (text === undefined) return undefined;
	const choice = known.find((one) => one === text);
	if (choice !== undefined) return choice;
	throw new Failure('usage', `There is no ${name} "${text}"`, `Choose one of ${known.join(', ')}.`);
}

/** A number given as an option. @throws Failure usage when it is not a number in the range */
export function numberOption(
	args: Arguments,
	name: string,
	range: { readonly lowest: number; readonly highest: number; readonly whole?: boolean },
): number {
	const text = textOption(args, name) ?? '';
	const n = text.trim() === '' ? Number.NaN : Number(text);
	const { lowest, highest, whole = true } = range;
	if (n >= lowest && n <= highest && (!whole || Number.isInteger(n))) return n;
	const kind = whole ? 'a whole number' : 'a number';
	throw new Failure('usage', `Cannot use --${name} "${text}": it is ${kind} from ${lowest} to ${highest}`);
}
