/** The last part of an ARM id: what people call the resource. The whole id where it has no parts. */
export function nameOfResource(id: string): string {
  return id.split("/").at(-1) || id;
}

/** The subscription of an ARM id; empty where it names none. */
export function subscriptionOf(id: string): string {
  return /^\/subscriptions\/([^/]+)/i.exec(id)?.[1] ?? "";
}
