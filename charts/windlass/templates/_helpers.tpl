{{- define "windlass.selectorLabels" -}}
app.kubernetes.io/name: windlass
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "windlass.labels" -}}
app.kubernetes.io/name: windlass
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "windlass.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* What every pod of this chart has: who it runs as, and where. */ -}}
{{- define "windlass.podSpec" -}}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{- /* What every container of this chart has. */ -}}
{{- define "windlass.container" -}}
image: {{ include "windlass.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
resources: {{- toYaml .Values.resources | nindent 2 }}
{{- end }}

{{- /* The user that the operator is for the API server. */ -}}
{{- define "windlass.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:windlass
{{- end }}

{{- /* CEL: the request is the operator's own. */ -}}
{{- define "windlass.byOperator" -}}
request.userInfo.username == '{{ include "windlass.user" . }}'
{{- end }}

{{- /* CEL: the request comes from what cleans up: the garbage collector (which also takes owners away), the
deletion of a namespace. A controller manager without service accounts of its own has one name for both. */ -}}
{{- define "windlass.byCleaner" -}}
request.userInfo.username in [
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
  'system:kube-controller-manager']
{{- end }}

{{- /* CEL: the request comes from what makes the pods of StatefulSets; again there is one name for all controllers. */ -}}
{{- define "windlass.byStatefulSets" -}}
request.userInfo.username in [
  'system:serviceaccount:kube-system:statefulset-controller',
  'system:kube-controller-manager']
{{- end }}

{{- /* CEL: who asks may do everything in the cluster. */ -}}
{{- define "windlass.byAdministrator" -}}
authorizer.group('*').resource('*').check('*').allowed()
{{- end }}

{{- /* CEL: what `part` (labels, annotations) of an object of the request says under our prefix. */ -}}
{{- define "windlass.ours" -}}
{{ .object }}.metadata.?{{ .part }}.orValue({})
.transformMap(key, value, key.startsWith('batch.windlass.dev/'), value)
{{- end }}

{{- /* Variables and rules about what the operator makes for the nodes of a multi-node job, by its kind in the plural. */ -}}
{{- define "windlass.jailOfNodes" -}}
- name: created
  expression: "request.operation == 'CREATE'"
- name: marks
  expression: "(request.operation == 'CREATE' ? object : oldObject).metadata.?labels.orValue({})"
- name: job
  expression: "variables.marks[?'batch.windlass.dev/job-uid']"
{{- end }}
{{- define "windlass.jailOfNodesRules" -}}
- expression: variables.job.hasValue() && 'batch.windlass.dev/node-sets' in variables.marks
  reason: Forbidden
  message: >-
    the operator touches only {{ . }} with the labels batch.windlass.dev/job-uid and
    batch.windlass.dev/node-sets
- expression: >-
    !variables.created || object.metadata.?ownerReferences.orValue([]).exists(owner,
    owner.apiVersion.startsWith('batch.windlass.dev/') && owner.kind == 'Job' &&
    owner.?controller.orValue(false) && owner.uid == variables.job.orValue(''))
  reason: Forbidden
  message: the operator makes only {{ . }} whose controller is the Job that their label names
{{- end }}

{{- /* The binding that puts a policy into force. */ -}}
{{- define "windlass.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "windlass.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}
