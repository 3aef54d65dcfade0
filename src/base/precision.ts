/** What a model may compute in, the reference first: named in configurations, bundles and messages. */
export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];
