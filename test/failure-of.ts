import * as assert from 'uvu/assert';
import { Failure } from '../src/base/failure.js';

/** The failure that some work ends with; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
	const thrown = await work.then(
		() => undefined,
		(failure: unknown) => failure,
	);
	assert.instance(thrown, Failure);
	return thrown as Failure;
}
