// src/bindings.ts names these types of the Workers runtime. Here only its list of settings is used, and the real
// declarations would replace those of Node.
declare type AnalyticsEngineDataset = object;
declare type KVNamespace = object;
declare type DurableObjectNamespace = object;
declare type Fetcher = object;
declare type Workflow = object;
