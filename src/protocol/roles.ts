/** Who asks, each one with the rights of those before. */
export const ROLES = {
	viewer: 'Looks, and changes nothing.',
	operator: 'Runs the line.',
	engineer: 'Changes how it is inspected.',
} as const;

export type Role = keyof typeof ROLES;

export const roles = Object.keys(ROLES) as Role[];

/** Whether `role` has the rights of `needed`. */
export function hasRights(role: Role, needed: Role): boolean {
	return roles.indexOf(role) >= roles.indexOf(needed);
}
