"""A small cluster: web, whose container tests fill in, and those whom it may call."""

from __future__ import annotations

OTHERS = """
---
kind: Service
apiVersion: v1
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 5432, targetPort: 5433}]}
---
kind: Service
apiVersion: v1
metadata: {name: queue, namespace: data}
spec: {selector: {app: queue}, ports: [{name: client, port: 4222}, {name: admin, port: 8222}]}
---
kind: Service
apiVersion: v1
metadata: {name: ring}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 7946}]}
---
kind: Service
apiVersion: v1
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432, targetPort: 5433}]}
---
kind: Service
apiVersion: v1
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Service
apiVersion: v1
metadata: {name: mail}
spec: {type: ExternalName, externalName: smtp.example.com}
---
kind: Service
apiVersion: v1
metadata: {name: alias}
spec: {type: ExternalName, externalName: db.default.svc.cluster.local}
---
kind: Service
apiVersion: v1
metadata: {name: agent}
spec: {selector: {app: db}, ports: [{port: 6831, protocol: UDP}]}
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop}
spec: {rules: [{host: www.shop.example}]}
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: db}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: m, image: i}]}}}
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: queue, namespace: data}
spec: {template: {metadata: {labels: {app: queue}}, spec: {containers: [{name: m, image: i}]}}}
---
kind: ConfigMap
apiVersion: v1
metadata: {name: settings}
data: {DB_HOST: db, DB_PORT: "5432", NAME: db}
"""

WEB = """
kind: Deployment
apiVersion: apps/v1
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: db
        image: i
"""
