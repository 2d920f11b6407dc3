/** One role of a caller at a scope, as ARM's permissions call tells it. Actions of the data plane play no part here. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/** What somebody may do with an account's connections, as far as ARM has said. ARM itself decides when it is asked to do it. */
export interface Rights {
  readonly read: boolean;
  readonly approve: boolean;
  readonly remove: boolean;
}

export const NO_RIGHTS: Rights = { read: false, approve: false, remove: false };

const ACCOUNT = "Microsoft.HealthcareApis/services";
const CONNECTION = `${ACCOUNT}/privateEndpointConnections`;

/** What roles add up to. Reading takes both the account and its connections, as what is shown belongs to both. */
export function readRights(permissions: readonly Permission[]): Rights {
  const may = (action: string): boolean => isAllowed(permissions, action);
  return {
    read: may(`${ACCOUNT}/read`) && may(`${CONNECTION}/read`),
    approve: may(`${CONNECTION}/write`),
    remove: may(`${CONNECTION}/delete`),
  };
}

/**
 * Azure's rule: a role allows what its actions match and its notActions do not; roles add up, and a notAction takes away
 * from its own role alone.
 */
export function isAllowed(permissions: readonly Permission[], action: string): boolean {
  return permissions.some(
    ({ actions, notActions }) =>
      actions.some(pattern => matches(pattern, action)) && !notActions.some(pattern => matches(pattern, action)),
  );
}

/** `*` stands for any text, slashes too; case does not matter. Backtracks once at most, so no pattern is slow. */
export function matches(pattern: string, action: string): boolean {
  const [wanted, text] = [pattern.toLowerCase(), action.toLowerCase()];
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (wanted[p] === "*") {
      [star, mark] = [p, t];
      p += 1;
    } else if (wanted[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      mark += 1;
      [p, t] = [star + 1, mark];
    } else return false;
  }
  while (wanted[p] === "*") p += 1;
  return p === wanted.length;
}

/** Reads one page's member of ARM's answer; what is no permission allows nothing. */
export function readPermission(value: unknown): Permission {
  const { actions, notActions } = (value ?? {}) as { actions?: unknown; notActions?: unknown };
  const texts = (list: unknown): string[] | undefined =>
    Array.isArray(list) && list.every(one => typeof one === "string") ? list : undefined;
  const taken = notActions === undefined ? [] : texts(notActions);
  return taken === undefined ? { actions: [], notActions: [] } : { actions: texts(actions) ?? [], notActions: taken };
}
