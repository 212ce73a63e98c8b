// Command judge answers packets by the NetworkPolicy matcher of cyclonus, and label selectors by apimachinery itself.
//
// Standard input holds one JSON case a line: Kubernetes objects and packets. Standard output gets one line a case.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Case is one cluster and what is asked of it.
type Case struct {
	Namespaces []corev1.Namespace            `json:"namespaces"`
	Pods       []corev1.Pod                  `json:"pods"`
	Policies   []*networkingv1.NetworkPolicy `json:"policies"`
	Packets    []Packet                      `json:"packets"`
	Selectors  []Selection                   `json:"selectors"`
}

// Packet has a pod as "namespace/name", or an address, at each end.
type Packet struct {
	Src      string          `json:"src"`
	Dst      string          `json:"dst"`
	Protocol corev1.Protocol `json:"protocol"`
	Port     int             `json:"port"`
}

// Selection asks whether a selector holds for labels.
type Selection struct {
	Selector metav1.LabelSelector `json:"selector"`
	Labels   map[string]string    `json:"labels"`
}

// Answer holds one truth a packet and one a selection, in their order.
type Answer struct {
	Allowed []bool `json:"allowed"`
	Matches []bool `json:"matches"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	write := json.NewEncoder(out)
	for lines.Scan() {
		var asked Case
		must(json.Unmarshal(lines.Bytes(), &asked))
		must(write.Encode(judge(asked)))
		must(out.Flush())
	}
	must(lines.Err())
}

func judge(asked Case) Answer {
	world := look(asked)
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	answer := Answer{Allowed: []bool{}, Matches: []bool{}}
	for _, packet := range asked.Packets {
		answer.Allowed = append(answer.Allowed, world.allowed(policy, packet))
	}
	for _, selection := range asked.Selectors {
		selector, err := metav1.LabelSelectorAsSelector(&selection.Selector)
		must(err)
		answer.Matches = append(answer.Matches, selector.Matches(labels.Set(selection.Labels)))
	}
	return answer
}

type world struct {
	namespaces map[string]map[string]string
	pods       map[string]corev1.Pod
}

func look(asked Case) world {
	seen := world{map[string]map[string]string{}, map[string]corev1.Pod{}}
	for _, namespace := range asked.Namespaces {
		seen.namespaces[namespace.Name] = namespace.Labels
	}
	for _, pod := range asked.Pods {
		seen.pods[pod.Namespace+"/"+pod.Name] = pod
	}
	return seen
}

// allowed asks the matcher once for every name that the destination gives the port, since it takes one name a
// packet: a direction is open if it is open under any of them.
func (w world) allowed(policy *matcher.Policy, packet Packet) bool {
	for _, ingress := range []bool{true, false} {
		open := false
		for _, name := range w.names(packet) {
			traffic := &matcher.Traffic{
				Source:           w.peer(packet.Src),
				Destination:      w.peer(packet.Dst),
				ResolvedPort:     packet.Port,
				ResolvedPortName: name,
				Protocol:         packet.Protocol,
			}
			open = open || policy.IsIngressOrEgressAllowed(traffic, ingress).IsAllowed()
		}
		if !open {
			return false
		}
	}
	return true
}

func (w world) peer(end string) *matcher.TrafficPeer {
	pod, found := w.pods[end]
	if !found {
		return &matcher.TrafficPeer{IP: end}
	}
	return &matcher.TrafficPeer{
		IP: pod.Status.PodIP,
		Internal: &matcher.InternalPeer{
			PodLabels:       pod.Labels,
			NamespaceLabels: w.namespaces[pod.Namespace],
			Namespace:       pod.Namespace,
		},
	}
}

// names lists the port names that mean this packet's port: of several container ports with one name and protocol,
// the first.
func (w world) names(packet Packet) []string {
	names := []string{""}
	taken := map[string]bool{}
	for _, container := range w.pods[packet.Dst].Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == "" || port.Protocol != packet.Protocol || taken[port.Name] {
				continue
			}
			taken[port.Name] = true
			if int(port.ContainerPort) == packet.Port {
				names = append(names, port.Name)
			}
		}
	}
	return names
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
