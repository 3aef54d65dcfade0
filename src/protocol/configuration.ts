import { z } from 'zod';
import { boxField, instant, instantOf, SCHEMA, schemaField, type Told } from './fields.js';

export const revisionField = z
	.string()
	.describe('Of the configuration: counts its edits, and names its text; `12-1c947c1d`.');

export const configurationSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		rev: revisionField,
		confirmBy: instant.nullable().describe('It is undone if it is not confirmed by then.'),
		configuration: z
			.record(z.string(), z.unknown())
			.describe('What is in effect, defaults included; what is secret is left out.'),
		at: instant,
	})
	.describe('Which configuration runs.');

/** Retained: the configuration that runs. */
export type Configuration = Told<typeof configurationSchema>;

/** `configuration`: without secrets; times are wall clock. */
export function configurationMessage(
	said: Pick<Configuration, 'box' | 'rev' | 'configuration'>,
	confirmByMs: number | null,
	atMs: number,
): Configuration {
	const { box, rev, configuration } = said;
	const confirmBy = confirmByMs === null ? null : instantOf(confirmByMs);
	return { schema: SCHEMA, box, rev, confirmBy, configuration, at: instantOf(atMs) };
}
