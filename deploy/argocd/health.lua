-- Health of every kind of batch.windlass.dev, by the conditions that kstatus knows too. A Job: has it
-- succeeded? All others: is it accepted (Ready)? What the operator has not seen yet is Progressing.
if obj.kind == "JobRecord" then
  return { status = "Healthy", message = "A record of a Job" }
end

local conditions = {}
local status = obj.status or {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

-- Nothing is decided about a scheduling policy, so it has no status of its own.
local ready = conditions["Ready"]
if obj.kind == "SchedulingPolicy" and (ready == nil or ready.status == "Unknown") then
  return { status = "Healthy", message = "Used by its queues" }
end
if status.observedGeneration ~= nil and obj.metadata.generation ~= nil
    and status.observedGeneration < obj.metadata.generation then
  return { status = "Progressing", message = "The last change is not processed yet" }
end

local deciding = ready
if obj.kind == "Job" then
  deciding = conditions["Succeeded"]
end
if deciding == nil then
  return { status = "Progressing", message = status.statusReason or "Not processed yet" }
end
local health = { status = "Progressing", message = status.statusReason or deciding.message }
if deciding.status == "True" then
  health.status = "Healthy"
elseif deciding.status == "False" then
  health.status = "Degraded"
end
return health
