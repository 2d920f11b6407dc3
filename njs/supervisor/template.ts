/**
 * Renders a configuration template: `${LINKGATE_NAME}` becomes its value, and nothing else is touched. NGINX's own variables
 * (`$host`) pass through.
 * @param values what each name stands for; no value may hold `${`
 * @throws Error that names every placeholder without a value, every other `${`, and every value that the template does not use
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const problems: string[] = [];
  const used = new Set<string>();
  const text = template.replace(/\$\{([^}\n]*)\}?/g, (whole, name: string) => {
    const value = /^LINKGATE_[A-Z0-9_]+$/.test(name) && whole.endsWith("}") ? values[name] : undefined;
    if (value === undefined) problems.push(`the template asks for ${whole}, which is no setting`);
    used.add(name);
    return value ?? "";
  });
  for (const name of Object.keys(values)) {
    if (!used.has(name)) problems.push(`the template does not use ${name}`);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
  return text;
}
