-- Whoever asks for what a key did wants what it did for others, too.
create index audit_events_by_via on public.audit_events (workspace_id, (actor ->> 'via'), seq)
  where actor ->> 'via' is not null;
