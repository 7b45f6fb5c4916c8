{{/* What every object is labelled with, given its name. */}}
{{- define "minimq.labels" -}}
app: {{ . }}
app.kubernetes.io/part-of: minimq
{{- end }}

{{/* What every pod has: no token and no variables of Services, which it does not need, and the level "restricted". */}}
{{- define "minimq.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .part.nodeSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container has. When it ends by an error, kubectl describe pod shows the last lines that it logged. */}}
{{- define "minimq.container" -}}
image: {{ printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .part.resources | nindent 2 }}
{{- end }}

{{/* Where the others find the broker. The Service has the broker's own ports: it tells clients those. */}}
{{- define "minimq.endpoint" -}}
tcp://broker.{{ .Values.namespace }}.svc:5557
{{- end }}

{{/* How one port is asked whether all is well. */}}
{{- define "minimq.ask" -}}
httpGet: {path: {{ .path }}, port: {{ .port }}}
periodSeconds: {{ .every }}
timeoutSeconds: 5
failureThreshold: {{ .failures }}
{{- end }}

{{/* A Service of a web server: whom a balancer sends on stays with the same pod. */}}
{{- define "minimq.web.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Values.namespace | quote }}
  labels:
    {{- include "minimq.labels" .name | nindent 4 }}
  {{- with .part.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .part.service.type }}
  {{- if eq .part.service.type "LoadBalancer" }}
  {{- with .part.service.sourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  sessionAffinity: ClientIP
  selector: {app: {{ .name }}}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
{{- end }}

{{/* A NetworkPolicy of a web server: who may come, and that it reaches the broker. */}}
{{- define "minimq.web.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ .root.Values.namespace | quote }}
  labels:
    {{- include "minimq.labels" .name | nindent 4 }}
spec:
  podSelector:
    matchLabels: {app: {{ .name }}}
  policyTypes: [Ingress, Egress]
  {{- if or .part.allowFrom (ne .part.service.type "ClusterIP") }}
  ingress:
    - ports:
        - {protocol: TCP, port: {{ .port }}}
      {{- with .part.allowFrom }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- end }}
  egress:
    {{- include "minimq.egress" .root | nindent 4 }}
{{- end }}

{{/* To the broker, and to whoever answers for names: a cluster's own server, or one on the node itself. */}}
{{- define "minimq.egress" -}}
- to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ .Values.namespace | quote }}}
      podSelector:
        matchLabels: {app: broker}
  ports:
    - {protocol: TCP, port: 5555}
    - {protocol: TCP, port: 5556}
    - {protocol: TCP, port: 5557}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}
