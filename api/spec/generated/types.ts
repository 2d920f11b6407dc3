/** Generated from api/spec by `npm run spec -w api`. */

/**
 * The intended executor of the operation; as in Resource Based Access Control (RBAC) and audit logs UX. Default value is "user,system"
 */
export type Origin = ("user" | "system" | "user,system") | string;
/**
 * Extensible enum. Indicates the action type. "Internal" refers to actions that are for internal only APIs.
 */
export type ActionType = "Internal" | string;
/**
 * How an operation goes.
 */
export type OperationStatus = "Running" | "Succeeded" | "Failed";
/**
 * An account: one tenant's FHIR service.
 */
export type Account = TrackedResource & {
  properties?: AccountProperties;
  location: Region;
  tags?: Tags;
  kind: Kind;
  /**
   * The revision of the account, the same as in the ETag header.
   */
  etag?: string;
};
/**
 * The resource model definition for an Azure Resource Manager tracked top level resource which has 'tags' and a 'location'
 */
export type TrackedResource = Resource & {
  /**
   * Resource tags.
   */
  tags?: {
    [k: string]: string;
  };
  location: AzureLocation;
};
/**
 * Represents an Azure Resource Type.
 */
export type ArmResourceType = string;
/**
 * The kind of entity that created the resource.
 */
export type CreatedByType = ("User" | "Application" | "ManagedIdentity" | "Key") | string;
/**
 * Represents an Azure geography region where supported resource providers live.
 */
export type AzureLocation = string;
/**
 * Where the account stands.
 */
export type AccountProvisioningState =
  "Creating" | "Updating" | "Deleting" | "Succeeded" | "Failed" | "Warned" | "Suspended";
/**
 * Whether the account answers calls from the public network.
 */
export type PublicNetworkAccess = "Enabled" | "Disabled";
/**
 * A private endpoint as its account sees it. It comes and goes with NRP's proxy of the same name.
 */
export type PrivateEndpointConnection = ProxyResource & {
  properties: PrivateEndpointConnectionProperties;
};
/**
 * The resource model definition for a Azure Resource Manager proxy resource. It will not have tags and a location
 */
export type ProxyResource = Resource;
/**
 * Updating or Deleting while some gate could still admit what was taken away.
 */
export type ConnectionProvisioningState = "Creating" | "Succeeded" | "Updating" | "Deleting" | "Failed";
/**
 * The state of a connection. Disconnected: it is being deleted.
 */
export type ConnectionStatus = "Pending" | "Approved" | "Rejected" | "Disconnected";
/**
 * The region, by name or display name. It can't be changed.
 */
export type Region = string;
export type TagValue = string;
/**
 * The kind of service.
 */
export type Kind = "fhir" | "fhir-Stu3" | "fhir-R4";
/**
 * An account: one tenant's FHIR service.
 */
export type AccountBody = TrackedResourceBody & {
  properties?: AccountPropertiesBody;
  location: Region;
  tags?: Tags;
  kind: Kind;
  etag?: unknown;
};
/**
 * The resource model definition for an Azure Resource Manager tracked top level resource which has 'tags' and a 'location'
 */
export type TrackedResourceBody = ResourceBody & {
  /**
   * Resource tags.
   */
  tags?: {
    [k: string]: string;
  };
  location: AzureLocation;
};
/**
 * A private endpoint as its account sees it. It comes and goes with NRP's proxy of the same name.
 */
export type PrivateEndpointConnectionBody = ProxyResourceBody & {
  properties: PrivateEndpointConnectionPropertiesBody;
};
/**
 * The resource model definition for a Azure Resource Manager proxy resource. It will not have tags and a location
 */
export type ProxyResourceBody = ResourceBody;
/**
 * What a private endpoint can connect to: of an account, always and only `fhir`.
 */
export type PrivateLinkResource = ProxyResource & {
  properties: PrivateLinkResourceProperties;
};
/**
 * A private endpoint as the Network Resource Provider (NRP) sees it. All calls are NRP's alone.
 */
export type PrivateEndpointConnectionProxy = ProxyResource & {
  properties?: ProxyProperties;
  /**
   * The revision of the proxy, the same as in the ETag header.
   */
  eTag?: string;
  status?: ConnectionStatus;
  remotePrivateEndpoint?: RemotePrivateEndpoint;
};
/**
 * A private endpoint as the Network Resource Provider (NRP) sees it. All calls are NRP's alone.
 */
export type PrivateEndpointConnectionProxyBody = ProxyResourceBody & {
  properties?: ProxyPropertiesBody;
  eTag?: unknown;
  status?: unknown;
  remotePrivateEndpoint?: RemotePrivateEndpointBody;
};
/**
 * Where a subscription stands; any state may follow any.
 */
export type SubscriptionState = "Registered" | "Unregistered" | "Warned" | "Suspended" | "Deleted";
/**
 * Where a connection stands, as its account's owner sees it.
 */
export type ConnectionState = "Pending" | "Approved" | "Rejected" | "Disconnected";
/**
 * What an admin can decide.
 */
export type AdminAction = "approve" | "reject" | "remove";
/**
 * What came of it: `accepted` by Azure, `refused` and nothing has changed, or `unknown` because Azure gave no answer.
 */
export type DecisionOutcome = "accepted" | "refused" | "unknown";
/**
 * How long one step of a series is: minutes are kept for a day, hours for ninety days.
 */
export type CountStep = "minute" | "hour";
/**
 * How requests came in. `other`: through Private Link, by a link that is none of the account's. `public`: by the public network, or by no link that can be read.
 */
export type OriginKind = "connection" | "other" | "public";
/**
 * `live`: it polls, or may still serve from its table.
 */
export type GateState = "live" | "ended" | "retired" | "given-up";

export interface Operations {
  Operations_List: {
    answers: {
      "200": OperationListResult;
    };
  };
  OperationResults_Get: {
    answers: {
      "200": OperationResult;
    };
  };
  Services_List: {
    answers: {
      "200": AccountListResult;
    };
  };
  Services_ListByResourceGroup: {
    answers: {
      "200": AccountListResult;
    };
  };
  Services_Get: {
    answers: {
      "200": Account;
    };
  };
  Services_CreateOrUpdate: {
    body: AccountBody;
    answers: {
      "200": Account;
      "201": Account;
    };
  };
  Services_Update: {
    body: AccountPatchBody;
    answers: {
      "200": Account;
    };
  };
  Services_Delete: {
    answers: {};
  };
  PrivateEndpointConnections_ListByService: {
    answers: {
      "200": PrivateEndpointConnectionListResult;
    };
  };
  PrivateEndpointConnections_Get: {
    answers: {
      "200": PrivateEndpointConnection;
    };
  };
  PrivateEndpointConnections_CreateOrUpdate: {
    body: PrivateEndpointConnectionBody;
    answers: {
      "200": PrivateEndpointConnection;
    };
  };
  PrivateEndpointConnections_Delete: {
    answers: {};
  };
  PrivateLinkResources_ListByService: {
    answers: {
      "200": PrivateLinkResourceListResult;
    };
  };
  PrivateLinkResources_Get: {
    answers: {
      "200": PrivateLinkResource;
    };
  };
  PrivateEndpointConnectionProxies_ListByService: {
    answers: {
      "200": PrivateEndpointConnectionProxyListResult;
    };
  };
  PrivateEndpointConnectionProxies_Get: {
    answers: {
      "200": PrivateEndpointConnectionProxy;
    };
  };
  PrivateEndpointConnectionProxies_CreateOrUpdate: {
    body: PrivateEndpointConnectionProxyBody;
    answers: {
      "200": PrivateEndpointConnectionProxy;
      "201": PrivateEndpointConnectionProxy;
    };
  };
  PrivateEndpointConnectionProxies_Delete: {
    answers: {};
  };
  PrivateEndpointConnectionProxies_UpdatePrivateEndpointProperties: {
    body: PrivateEndpointUpdate;
    answers: {};
  };
  PrivateEndpointConnectionProxies_Validate: {
    body: PrivateEndpointConnectionProxyBody;
    answers: {};
  };
  Subscriptions_Announce: {
    body: SubscriptionNotification;
    answers: {
      "200": SubscriptionNotification;
      "202": SubscriptionNotification;
    };
  };
  Accounts_List: {
    answers: {
      "200": AccountPage;
    };
  };
  Accounts_Get: {
    answers: {
      "200": AccountView;
    };
  };
  Connections_Get: {
    answers: {
      "200": ConnectionView;
    };
  };
  Changes_Follow: {
    answers: {};
  };
  Connections_List: {
    answers: {
      "200": ConnectionPage;
    };
  };
  Decisions_Make: {
    body: DecisionBody;
    answers: {
      "200": DecisionResults;
    };
  };
  Denials_Report: {
    answers: {
      "200": DenialReport;
    };
  };
  Gates_List: {
    answers: {
      "200": GateList;
    };
  };
  Gates_Retire: {
    answers: {
      "200": Gate;
    };
  };
  History_List: {
    answers: {
      "200": HistoryPage;
    };
  };
  History_Export: {
    answers: {};
  };
  Registry_Get: {
    answers: {
      "200": RegistryState;
    };
  };
  Registry_Reconcile: {
    answers: {
      "200": ReconcileResult;
    };
  };
  Registry_Release: {
    body: ReleaseBody;
    answers: {
      "200": RegistryState;
    };
  };
  Traffic_Report: {
    answers: {
      "200": TrafficReport;
    };
  };
}
/**
 * A list of REST API operations supported by an Azure Resource Provider. It contains an URL link to get the next set of results.
 */
export interface OperationListResult {
  /**
   * The Operation items on this page
   */
  value: Operation[];
  /**
   * The link to the next page of items
   */
  nextLink?: string;
}
/**
 * Details of a REST API operation, returned from the Resource Provider Operations API
 */
export interface Operation {
  /**
   * The name of the operation, as per Resource-Based Access Control (RBAC). Examples: "Microsoft.Compute/virtualMachines/write", "Microsoft.Compute/virtualMachines/capture/action"
   */
  name?: string;
  /**
   * Whether the operation applies to data-plane. This is "true" for data-plane operations and "false" for Azure Resource Manager/control-plane operations.
   */
  isDataAction?: boolean;
  display?: OperationDisplay;
  origin?: Origin;
  actionType?: ActionType;
}
/**
 * Localized display information for an operation.
 */
export interface OperationDisplay {
  /**
   * The localized friendly form of the resource provider name, e.g. "Microsoft Monitoring Insights" or "Microsoft Compute".
   */
  provider?: string;
  /**
   * The localized friendly name of the resource type related to this operation. E.g. "Virtual Machines" or "Job Schedule Collections".
   */
  resource?: string;
  /**
   * The concise, localized friendly name for the operation; suitable for dropdowns. E.g. "Create or Update Virtual Machine", "Restart Virtual Machine".
   */
  operation?: string;
  /**
   * The short, localized friendly description of the operation; suitable for tool tips and detailed views.
   */
  description?: string;
}
/**
 * The status of an operation that goes on, or went on, behind an answer.
 */
export interface OperationResult {
  id: string;
  name: string;
  status: OperationStatus;
  startTime: string;
  endTime?: string;
  error?: ErrorDetail;
}
/**
 * What went wrong.
 */
export interface ErrorDetail {
  /**
   * Stable, for programs.
   */
  code: string;
  /**
   * For people: what was wrong, and what to do.
   */
  message: string;
  /**
   * The part of the request that was wrong, such as `properties/publicNetworkAccess`.
   */
  target?: string;
}
/**
 * The response of a Account list operation.
 */
export interface AccountListResult {
  /**
   * The Account items on this page
   */
  value: Account[];
  /**
   * The link to the next page of items
   */
  nextLink?: string;
}
/**
 * Common fields that are returned in the response for all Azure Resource Manager resources
 */
export interface Resource {
  /**
   * Fully qualified resource ID for the resource. Ex - /subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/{resourceProviderNamespace}/{resourceType}/{resourceName}
   */
  id?: string;
  /**
   * The name of the resource
   */
  name?: string;
  type?: ArmResourceType;
  systemData?: SystemData;
}
/**
 * Metadata pertaining to creation and last modification of the resource.
 */
export interface SystemData {
  /**
   * The identity that created the resource.
   */
  createdBy?: string;
  createdByType?: CreatedByType;
  /**
   * The timestamp of resource creation (UTC).
   */
  createdAt?: string;
  /**
   * The identity that last modified the resource.
   */
  lastModifiedBy?: string;
  lastModifiedByType?: CreatedByType;
  /**
   * The timestamp of resource last modification (UTC)
   */
  lastModifiedAt?: string;
}
/**
 * What an account is. Settings of the FHIR service itself, which this service does not read, are kept and given back.
 */
export interface AccountProperties {
  provisioningState?: AccountProvisioningState;
  publicNetworkAccess?: PublicNetworkAccess;
  /**
   * The private endpoints that ask for this account or may reach it.
   */
  privateEndpointConnections?: PrivateEndpointConnection[];
  [k: string]: unknown;
}
export interface PrivateEndpointConnectionProperties {
  provisioningState?: ConnectionProvisioningState;
  privateEndpoint?: PrivateEndpoint;
  privateLinkServiceConnectionState: PrivateLinkServiceConnectionState;
}
/**
 * A private endpoint.
 */
export interface PrivateEndpoint {
  /**
   * Its ARM id.
   */
  id?: string;
}
/**
 * A decision about a connection.
 */
export interface PrivateLinkServiceConnectionState {
  status: ConnectionStatus;
  /**
   * Why. Null, which Azure CLI sends for a comment that was not given, keeps what is there.
   */
  description?: string | null;
  /**
   * What the owner of the endpoint has to do, or `None`.
   */
  actionsRequired?: string | null;
}
/**
 * At most 50, as everywhere in ARM; their names have at most 512 characters.
 */
export interface Tags {
  [k: string]: TagValue;
}
/**
 * Common fields that are returned in the response for all Azure Resource Manager resources
 */
export interface ResourceBody {
  id?: unknown;
  name?: unknown;
  type?: unknown;
  systemData?: unknown;
}
/**
 * What an account is. Settings of the FHIR service itself, which this service does not read, are kept and given back.
 */
export interface AccountPropertiesBody {
  provisioningState?: unknown;
  publicNetworkAccess?: PublicNetworkAccess;
  privateEndpointConnections?: unknown;
  [k: string]: unknown;
}
/**
 * What a PATCH may change.
 */
export interface AccountPatchBody {
  tags?: Tags;
  properties?: AccountPatchPropertiesBody;
}
/**
 * The changeable properties of an account.
 */
export interface AccountPatchPropertiesBody {
  publicNetworkAccess?: PublicNetworkAccess;
  provisioningState?: unknown;
}
/**
 * The response of a PrivateEndpointConnection list operation.
 */
export interface PrivateEndpointConnectionListResult {
  /**
   * The PrivateEndpointConnection items on this page
   */
  value: PrivateEndpointConnection[];
  /**
   * The link to the next page of items
   */
  nextLink?: string;
}
export interface PrivateEndpointConnectionPropertiesBody {
  provisioningState?: unknown;
  privateEndpoint?: unknown;
  privateLinkServiceConnectionState: PrivateLinkServiceConnectionState;
}
/**
 * The response of a PrivateLinkResource list operation.
 */
export interface PrivateLinkResourceListResult {
  /**
   * The PrivateLinkResource items on this page
   */
  value: PrivateLinkResource[];
  /**
   * The link to the next page of items
   */
  nextLink?: string;
}
export interface PrivateLinkResourceProperties {
  groupId: string;
  /**
   * The members of the group that an endpoint gets an address for.
   */
  requiredMembers: string[];
  /**
   * The private DNS zones in which the customer needs records.
   */
  requiredZoneNames: string[];
}
/**
 * The response of a PrivateEndpointConnectionProxy list operation.
 */
export interface PrivateEndpointConnectionProxyListResult {
  /**
   * The PrivateEndpointConnectionProxy items on this page
   */
  value: PrivateEndpointConnectionProxy[];
  /**
   * The link to the next page of items
   */
  nextLink?: string;
}
export interface ProxyProperties {
  provisioningState?: ConnectionProvisioningState;
  remotePrivateEndpoint?: RemotePrivateEndpoint;
}
/**
 * NRP's document of a private endpoint. Exactly one of the two lists of connections has members.
 */
export interface RemotePrivateEndpoint {
  /**
   * The ARM id of the private endpoint.
   */
  id: string;
  location?: string;
  /**
   * The subscription in which the endpoint was created; it stays when the endpoint is moved.
   */
  immutableSubscriptionId?: string;
  /**
   * The ARM id under which the endpoint was created; it stays when the endpoint is moved.
   */
  immutableResourceId?: string;
  vnetTrafficTag?: string;
  /**
   * Approved at once: ARM has checked the customer's right on the account.
   */
  privateLinkServiceConnections?: PrivateLinkServiceConnection[];
  /**
   * To be approved by the owner of the account.
   */
  manualPrivateLinkServiceConnections?: PrivateLinkServiceConnection[];
  /**
   * @maxItems 32
   */
  privateLinkServiceProxies?: PrivateLinkServiceProxy[];
  /**
   * The links of the endpoint.
   *
   * @maxItems 32
   */
  connectionDetails?: ConnectionDetail[];
  [k: string]: unknown;
}
/**
 * One connection that the endpoint asks for.
 */
export interface PrivateLinkServiceConnection {
  name?: string;
  /**
   * Exactly `fhir`, in any case.
   */
  groupIds: string[];
  /**
   * For the owner of the account. Network allows 140 characters; twice that is let pass.
   */
  requestMessage?: string | null;
  [k: string]: unknown;
}
export interface PrivateLinkServiceProxy {
  /**
   * The ARM id of NRP's own proxy.
   */
  id?: string;
  remotePrivateLinkServiceConnectionState?: PrivateLinkServiceConnectionState;
  remotePrivateEndpointConnection?: RemotePrivateEndpointConnection;
  /**
   * The hosts that NRP makes DNS records for; only when the connection is approved. NRP sends an empty list.
   */
  groupConnectivityInformation?: GroupConnectivityInformation[];
  [k: string]: unknown;
}
export interface RemotePrivateEndpointConnection {
  /**
   * The ARM id of the connection that the account sees.
   */
  id: string;
}
export interface GroupConnectivityInformation {
  groupId: string;
  memberName: string;
  /**
   * What customers call.
   */
  customerVisibleFqdns?: string[];
  /**
   * What the account is called inside.
   */
  internalFqdn: string;
}
/**
 * A link of the endpoint.
 */
export interface ConnectionDetail {
  id?: string;
  privateIpAddress?: string;
  /**
   * Decimal, 1 to 4294967295, without sign or leading zero.
   */
  linkIdentifier?: string;
  groupId?: string;
  memberName?: string;
  [k: string]: unknown;
}
export interface ProxyPropertiesBody {
  provisioningState?: unknown;
  remotePrivateEndpoint?: RemotePrivateEndpointBody;
}
/**
 * NRP's document of a private endpoint. Exactly one of the two lists of connections has members.
 */
export interface RemotePrivateEndpointBody {
  /**
   * The ARM id of the private endpoint.
   */
  id: string;
  location?: string;
  /**
   * The subscription in which the endpoint was created; it stays when the endpoint is moved.
   */
  immutableSubscriptionId?: string;
  /**
   * The ARM id under which the endpoint was created; it stays when the endpoint is moved.
   */
  immutableResourceId?: string;
  vnetTrafficTag?: string;
  /**
   * Approved at once: ARM has checked the customer's right on the account.
   */
  privateLinkServiceConnections?: PrivateLinkServiceConnection[];
  /**
   * To be approved by the owner of the account.
   */
  manualPrivateLinkServiceConnections?: PrivateLinkServiceConnection[];
  /**
   * @maxItems 32
   */
  privateLinkServiceProxies?: PrivateLinkServiceProxyBody[];
  /**
   * The links of the endpoint.
   *
   * @maxItems 32
   */
  connectionDetails?: ConnectionDetail[];
  [k: string]: unknown;
}
export interface PrivateLinkServiceProxyBody {
  /**
   * The ARM id of NRP's own proxy.
   */
  id?: string;
  remotePrivateLinkServiceConnectionState?: unknown;
  remotePrivateEndpointConnection?: unknown;
  /**
   * The hosts that NRP makes DNS records for; only when the connection is approved. NRP sends an empty list.
   */
  groupConnectivityInformation?: GroupConnectivityInformationBody[];
  [k: string]: unknown;
}
export interface GroupConnectivityInformationBody {
  groupId?: unknown;
  memberName?: unknown;
  /**
   * What customers call.
   */
  customerVisibleFqdns?: string[];
  internalFqdn?: unknown;
}
/**
 * What NRP says of an endpoint that was moved; bare, without an envelope.
 */
export interface PrivateEndpointUpdate {
  /**
   * The ARM id that the endpoint has now.
   */
  id: string;
  location?: string;
  immutableSubscriptionId?: string;
  /**
   * By which it is known as the same endpoint.
   */
  immutableResourceId?: string;
  vnetTrafficTag?: string;
  [k: string]: unknown;
}
/**
 * What ARM announces. All but the state is for telemetry, and members that are not named here must not matter.
 */
export interface SubscriptionNotification {
  state: SubscriptionState;
  /**
   * RFC 1123.
   */
  registrationDate?: string;
  properties?: {};
  [k: string]: unknown;
}
/**
 * A page of accounts, by name.
 */
export interface AccountPage {
  value: AccountView[];
  /**
   * The cursor of the next page; absent on the last one.
   */
  next?: string;
}
/**
 * An account that the caller may read.
 */
export interface AccountView {
  /**
   * ARM id.
   */
  id: string;
  /**
   * The account's name as a host has it: lower case. It stands for the account in every path and filter here.
   */
  account: string;
  /**
   * As its owner writes it.
   */
  name: string;
  subscriptionId: string;
  resourceGroup: string;
  location: string;
  kind: string;
  provisioningState: string;
  publicNetworkAccess: string;
  /**
   * Under which it answers the public network.
   */
  publicHosts: string[];
  /**
   * Under which it answers private endpoints.
   */
  privateHosts: string[];
  /**
   * All but Disconnected ones count against the maximum.
   */
  connectionsUsed: number;
  connectionsMaximum: number;
  connectionCounts: StateCounts;
  lastDay: TrafficSums;
  rights: RightsView;
}
/**
 * Connections by state.
 */
export interface StateCounts {
  Pending: number;
  Approved: number;
  Rejected: number;
  Disconnected: number;
}
/**
 * What the gates let in, turned away and sent.
 */
export interface TrafficSums {
  /**
   * All of them, those that no gate had room to tell apart among them.
   */
  requests: number;
  admitted: number;
  denied: number;
  /**
   * Sent to clients.
   */
  bytes: number;
}
/**
 * What the caller may do with connections, by the roles that Azure Resource Manager told of within the last minute.
 */
export interface RightsView {
  /**
   * Approve and reject.
   */
  approve: boolean;
  remove: boolean;
}
/**
 * A private endpoint connection of an account that the caller may read.
 */
export interface ConnectionView {
  /**
   * ARM id.
   */
  id: string;
  /**
   * The account's name, lower case.
   */
  account: string;
  accountName: string;
  subscriptionId: string;
  resourceGroup: string;
  name: string;
  /**
   * Changes with every change of the connection.
   */
  etag: string;
  state: ConnectionState;
  provisioningState: string;
  /**
   * The comment of the last decision, or what the requester wrote.
   */
  description: string;
  actionsRequired: string;
  /**
   * What the requester wrote.
   */
  requestMessage: string;
  privateEndpoint: PrivateEndpointView;
  linkIds: number[];
  privateAddresses: string[];
  requestedAt: string;
  /**
   * The minute in which a gate last let a request through it in; null if none did within ninety days.
   */
  lastTrafficAt: string | null;
  /**
   * The minute in which a gate last turned a request through it away; null if none did within ninety days.
   */
  lastDeniedAt: string | null;
  lastDecision?: DecisionView;
  progress: ProgressView;
  rights: RightsView;
}
/**
 * The customer's private endpoint behind a connection.
 */
export interface PrivateEndpointView {
  /**
   * ARM id. Another customer wrote it.
   */
  id: string;
  location?: string;
}
/**
 * Something that happened to a connection or an account.
 */
export interface DecisionView {
  id: string;
  at: string;
  action: string;
  from: string;
  to: string;
  /**
   * Why, where somebody said so.
   */
  comment?: string;
  /**
   * ARM id of the account.
   */
  accountId: string;
  /**
   * The account's name, lower case.
   */
  account: string;
  /**
   * Absent where the account itself changed.
   */
  connection?: string;
  /**
   * `portal`: an admin, here; `arm`: a client of Azure's; `nrp`: Azure's network; `linkgate`: this system by itself.
   */
  via: "portal" | "arm" | "nrp" | "linkgate";
  by: ActorView;
  correlationId: string;
}
/**
 * Who did it, as far as is known.
 */
export interface ActorView {
  /**
   * Object id in the tenant.
   */
  objectId?: string;
  name?: string;
  /**
   * The client that was used.
   */
  appId?: string;
}
/**
 * How far a connection's present state has come at the gates.
 */
export interface ProgressView {
  /**
   * `done` at every live gate; `spreading`; `draining`: all gates have it, and connections from before may still be open.
   */
  phase: "done" | "spreading" | "draining";
  /**
   * Live gates, lost ones among them.
   */
  gates: number;
  /**
   * Those at which it is in force.
   */
  inForce: number;
  /**
   * Names of the others.
   */
  waitingFor: string[];
  operation?: RunningOperationView;
}
export interface RunningOperationView {
  id: string;
  kind: string;
  startedAt: string;
}
/**
 * A page of connections.
 */
export interface ConnectionPage {
  value: ConnectionView[];
  /**
   * The cursor of the next page; absent on the last one.
   */
  next?: string;
  counts: StateCounts;
}
/**
 * One decision about one connection or several.
 */
export interface DecisionBody {
  action: AdminAction;
  /**
   * Why. Required to reject or to remove. The other side reads it, except for a removal.
   */
  comment?: string;
  /**
   * @minItems 1
   * @maxItems 50
   */
  connections: [DecisionTarget, ...DecisionTarget[]];
}
/**
 * A connection to decide about.
 */
export interface DecisionTarget {
  account: string;
  name: string;
  /**
   * What the caller has seen. Nothing is decided when the connection has changed since.
   */
  etag?: string;
}
/**
 * One result for each connection, in the order of the request.
 */
export interface DecisionResults {
  /**
   * Travels through Azure, and stands in the history.
   */
  correlationId: string;
  value: DecisionResult[];
}
/**
 * What came of a decision about one connection.
 */
export interface DecisionResult {
  account: string;
  name: string;
  outcome: DecisionOutcome;
  error?: DecisionProblem;
  connection?: ConnectionView;
}
export interface DecisionProblem {
  /**
   * Azure's own code where Azure refused.
   */
  code: string;
  message: string;
}
/**
 * Denied requests between two times.
 */
export interface DenialReport {
  step: CountStep;
  /**
   * The beginning of the first step.
   */
  from: string;
  to: string;
  requests: number;
  /**
   * By time, then by reason; steps without any are left out.
   */
  series: DenialPoint[];
  /**
   * The groups with the most requests first.
   */
  value: DenialGroup[];
  /**
   * Groups that `limit` left out.
   */
  omitted: number;
}
/**
 * Denied requests for one reason within one step.
 */
export interface DenialPoint {
  /**
   * The beginning of the step.
   */
  at: string;
  reason: string;
  requests: number;
}
/**
 * Denied requests of one account, for one reason, from one origin.
 */
export interface DenialGroup {
  /**
   * The account's name; null for all host names that are no account, which platform engineers alone are shown.
   */
  account: string | null;
  /**
   * As the gates' access logs spell it.
   */
  reason: string;
  origin: OriginView;
  requests: number;
  /**
   * The beginning of the last step that has any.
   */
  lastAt: string;
}
/**
 * Where requests came from, as far as it is the account's to know.
 */
export interface OriginView {
  kind: OriginKind;
  /**
   * The account's connection whose link it was; absent for the other kinds.
   */
  connection?: string;
  state?: ConnectionState;
}
/**
 * All of them; there are no further pages.
 */
export interface GateList {
  value: Gate[];
}
/**
 * One incarnation of a gate.
 */
export interface Gate {
  name: string;
  /**
   * One life of its process.
   */
  incarnation: string;
  state: GateState;
  /**
   * An open poll renews it.
   */
  heardAt: string;
  /**
   * What it calls itself in its reports; null before the first one.
   */
  version: string | null;
  /**
   * When its last report of traffic came; null before the first one.
   */
  reportedAt: string | null;
  /**
   * Seconds that its table may live without news.
   */
  maxAge: number;
  /**
   * Live, and silent for 10 s.
   */
  lost: boolean;
  /**
   * How many of the accounts that concern the caller have changes which are not in force there. Zero when it is not live.
   */
  behind: number;
  /**
   * What of the caller's ends only when this gate has acknowledged it, said goodbye, been retired or been given up.
   */
  waiting: WaitingOperation[];
}
/**
 * An operation that waits for a gate.
 */
export interface WaitingOperation {
  id: string;
  kind: string;
  /**
   * ARM id.
   */
  resourceId: string;
  startedAt: string;
}
/**
 * A page of the history, the newest first.
 */
export interface HistoryPage {
  value: DecisionView[];
  /**
   * The cursor of the next page; absent on the last one.
   */
  next?: string;
}
/**
 * Where the registry stands after a restore.
 */
export interface RegistryState {
  /**
   * `held`: the feed is not served; the gates go on with the table they have.
   */
  state: "served" | "held";
  since: string;
  /**
   * When Azure's network last answered for every connection.
   */
  reconciledAt: string | null;
  /**
   * Null when revocations end as soon as every gate has heard of them; else they end no earlier.
   */
  revocationsHeldUntil: string | null;
}
/**
 * What a comparison with Azure's network found and did.
 */
export interface ReconcileResult {
  /**
   * Whether it answered for every connection: only then the registry may be released.
   */
  complete: boolean;
  accounts: number;
  connections: number;
  /**
   * What was deleted or corrected.
   */
  changed: ReconcileFinding[];
  /**
   * What somebody else has to see to.
   */
  open: ReconcileFinding[];
  /**
   * What there was no answer for.
   */
  unanswered: ReconcileFinding[];
}
/**
 * A resource by its ARM id, and a sentence.
 */
export interface ReconcileFinding {
  id: string;
  text: string;
}
/**
 * What whoever releases the registry vouches for.
 */
export interface ReleaseBody {
  /**
   * Every gate process from before the change has asked for the feed since, or is gone.
   */
  vouchGates?: boolean;
  /**
   * What was not compared may be released.
   */
  withoutReconcile?: boolean;
}
/**
 * Traffic between two times.
 */
export interface TrafficReport {
  step: CountStep;
  /**
   * The beginning of the first step.
   */
  from: string;
  to: string;
  total: TrafficSums;
  /**
   * By time, of all accounts that the filter lets through; steps without any are left out.
   */
  series: TrafficPoint[];
  /**
   * The accounts with the most requests first.
   */
  value: AccountTraffic[];
  /**
   * Accounts that `limit` left out.
   */
  omitted: number;
}
/**
 * The traffic within one step.
 */
export interface TrafficPoint {
  /**
   * The beginning of the step.
   */
  at: string;
  /**
   * All of them, those that no gate had room to tell apart among them.
   */
  requests: number;
  admitted: number;
  denied: number;
  /**
   * Sent to clients.
   */
  bytes: number;
}
/**
 * The traffic of one account.
 */
export interface AccountTraffic {
  /**
   * The account's name; null for all host names that are no account, which platform engineers alone are shown.
   */
  account: string | null;
  /**
   * All of them, those that no gate had room to tell apart among them.
   */
  requests: number;
  admitted: number;
  denied: number;
  /**
   * Sent to clients.
   */
  bytes: number;
}
