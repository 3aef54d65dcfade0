import { z } from 'zod';
import type { Told } from './fields.js';

export const receiptSchema = z
	.strictObject({
		station: z.string().min(1).max(64),
		sequence: z.int().min(1).describe('Of the verdict that was received.'),
	})
	.describe('Somebody has a verdict, and it need not be said again.');

/** What a subscriber says of a verdict that it has. */
export type Receipt = Told<typeof receiptSchema>;
