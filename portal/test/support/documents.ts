import type { AccountView, ConnectionView, DenialReport, Gate, TrafficReport } from "@linkgate/api/spec";

// Documents of the admin API, complete and unremarkable, for tests to change what they are about.

const ACCOUNT_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.HealthcareApis/services/contoso";

export function connectionDocument(change: Partial<ConnectionView> = {}): ConnectionView {
  return {
    id: `${ACCOUNT_ID}/privateEndpointConnections/pe.1`,
    account: "contoso",
    accountName: "Contoso",
    subscriptionId: "s",
    resourceGroup: "g",
    name: "pe.1",
    etag: "1",
    state: "Pending",
    provisioningState: "Succeeded",
    description: "",
    actionsRequired: "",
    requestMessage: "",
    privateEndpoint: { id: "/subscriptions/t/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/pe" },
    linkIds: [],
    privateAddresses: [],
    requestedAt: "2026-11-22T00:00:00Z",
    lastTrafficAt: null,
    lastDeniedAt: null,
    progress: { phase: "done", gates: 2, inForce: 2, waitingFor: [] },
    rights: { approve: true, remove: true },
    ...change,
  };
}

export function accountDocument(change: Partial<AccountView> = {}): AccountView {
  return {
    id: ACCOUNT_ID,
    account: "contoso",
    name: "Contoso",
    subscriptionId: "s",
    resourceGroup: "g",
    location: "westus2",
    kind: "fhir-R4",
    provisioningState: "Succeeded",
    publicNetworkAccess: "Disabled",
    publicHosts: ["contoso.azurehealthcareapis.com"],
    privateHosts: ["contoso.privatelink.azurehealthcareapis.com"],
    connectionsUsed: 1,
    connectionsMaximum: 200,
    connectionCounts: { Pending: 0, Approved: 1, Rejected: 0, Disconnected: 0 },
    lastDay: { requests: 0, admitted: 0, denied: 0, bytes: 0 },
    rights: { approve: true, remove: true },
    ...change,
  };
}

export function gateDocument(change: Partial<Gate> = {}): Gate {
  return {
    name: "nginx-1",
    incarnation: "0123456789abcdef0123456789abcdef",
    state: "live",
    heardAt: "2026-11-22T00:00:00Z",
    version: null,
    reportedAt: null,
    maxAge: 3600,
    lost: false,
    behind: 0,
    waiting: [],
    ...change,
  };
}

const SPAN = { step: "minute", from: "2026-11-22T00:00:00Z", to: "2026-11-22T01:00:00Z" } as const;

export function denialDocument(change: Partial<DenialReport> = {}): DenialReport {
  return { ...SPAN, requests: 0, series: [], value: [], omitted: 0, ...change };
}

export function trafficDocument(change: Partial<TrafficReport> = {}): TrafficReport {
  return {
    ...SPAN,
    total: { requests: 0, admitted: 0, denied: 0, bytes: 0 },
    series: [],
    value: [],
    omitted: 0,
    ...change,
  };
}
