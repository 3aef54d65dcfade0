import { z } from 'zod';

/** Parts that a rule can look back at. */
export const MOST_PARTS = 10_000;

/** Alarms of a recipe. */
const MOST_ALARMS = 32;

const parts = z.number().int().min(1).max(MOST_PARTS);

const of = z
	.enum(['rejects', 'errors', 'both'])
	.default('rejects')
	.describe('What counts; every other part takes its place and counts as none.');

/** A setting that does not fit to others. */
const faultAt = (path: string, message: string) => ({ code: 'custom' as const, path: [path], message });

/** The settings of each rule. */
const RULES = {
	consecutive: z.strictObject({
		of,
		n: parts.describe('Active with so many in a row; cleared by the first part that is none.'),
	}),
	kOfN: z
		.strictObject({
			of,
			k: parts.describe('Active with so many among the last `n` parts; cleared with fewer.'),
			n: parts.describe('The parts that are looked at.'),
		})
		.superRefine(({ k, n }, context) => {
			if (k > n) context.addIssue(faultAt('k', `must not be above n, which is ${n}`));
		}),
	rate: z
		.strictObject({
			of,
			share: z.number().gt(0).max(1).describe('Active with this share of the parts or more: 0.05 is 5 %.'),
			clearShare: z
				.number()
				.min(0)
				.lt(1)
				.optional()
				.describe('Cleared with this share or less; by default half of `share`.'),
			parts: parts.optional().describe('Of so many last parts; or of those of the last `minutes`.'),
			minutes: z
				.number()
				.int()
				.min(1)
				.max(1440)
				.optional()
				.describe(`Of the parts of so many last minutes, and of ${MOST_PARTS} at most.`),
			least: parts
				.optional()
				.describe('With fewer parts nothing changes; by default 20, or `parts` where that is less.'),
		})
		.superRefine(({ share, clearShare = 0, parts: many, minutes, least = 1 }, context) => {
			if (clearShare >= share)
				context.addIssue(faultAt('clearShare', `must be below share, which is ${share}`));
			if (many === undefined && minutes === undefined)
				context.addIssue({ code: 'custom', message: 'needs parts or minutes' });
			if (many !== undefined && minutes !== undefined)
				context.addIssue(faultAt('minutes', 'stands beside parts: leave one out'));
			if (many !== undefined && least > many)
				context.addIssue(faultAt('least', `must not be above parts, which is ${many}`));
		}),
	score: z
		.strictObject({
			above: z
				.number()
				.positive()
				.max(1000)
				.describe('Active when the median of scores reaches this share of the threshold: 0.9 is 90 %.'),
			clearBelow: z.number().positive().max(1000).describe('Cleared when it is at this share or below.'),
			parts: z
				.number()
				.int()
				.min(1)
				.max(1000)
				.default(20)
				.describe('Of so many last parts; half of them must have a score.'),
		})
		.superRefine(({ above, clearBelow }, context) => {
			if (clearBelow >= above)
				context.addIssue(faultAt('clearBelow', `must be below above, which is ${above}`));
		}),
};

export type RuleName = keyof typeof RULES;

export const ruleNames = Object.keys(RULES) as RuleName[];

/** What each rule is set to. */
export type RuleSettings = { readonly [N in RuleName]: Readonly<z.infer<(typeof RULES)[N]>> };

const { consecutive, kOfN, rate, score } = RULES;

const alarm = z
	.strictObject({
		consecutive: consecutive.optional(),
		kOfN: kOfN.optional(),
		rate: rate.optional(),
		score: score.optional(),
	})
	.superRefine((rules, context) => {
		const given = ruleNames.filter((name) => rules[name] !== undefined);
		const all = ruleNames.join(', ');
		if (given.length !== 1)
			context.addIssue({
				code: 'custom',
				message:
					given.length === 0
						? `needs a rule: ${all}`
						: `has ${given.length} rules: leave one of ${given.join(', ')}`,
			});
	});

/** One rule, under its name. */
export type AlarmConfig = Readonly<z.infer<typeof alarm>>;

/** The alarms of a recipe, by name. */
export const alarmsOf = (name: z.ZodType<string, string>) =>
	z
		.record(name, alarm)
		.refine((all) => Object.keys(all).length <= MOST_ALARMS, `at most ${MOST_ALARMS} alarms`)
		.default({});

/** The one rule of an alarm. */
export function ruleOf(config: AlarmConfig): RuleName {
	return ruleNames.find((name) => config[name] !== undefined)!;
}
