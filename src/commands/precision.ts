import { Failure } from '../base/failure.js';
import { PRECISIONS, type Precision } from '../model/precision.js';
import { type Arguments, textOption } from './command.js';

/** The option `--precision`, undefined where it was not given. @throws Failure usage */
export function precisionOption(args: Arguments): Precision | undefined {
	const name = textOption(args, 'precision');
	if (name === undefined) return undefined;
	const precision = PRECISIONS.find((known) => known === name);
	if (precision) return precision;
	throw new Failure('usage', `There is no precision "${name}"`, `Choose one of ${PRECISIONS.join(', ')}.`);
}
