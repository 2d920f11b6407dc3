/** What other workspaces may use of the api: starting it, and the embedded PostgreSQL. */
export { type RunningApi, type StartOptions, startApi } from "./app.ts";
export { type Config, ConfigError, type Listen, readConfig, type Tls } from "./config.ts";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./database/embedded-postgres.ts";
