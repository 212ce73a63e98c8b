// Asks what the API server asks of CustomResourceDefinitions and of objects of theirs.
//
// Reads {"crds": [...], "objects": [...]} and writes {"crds": [[problem, ...], ...], "objects": [[problem, ...], ...]}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

type question struct {
	CRDs    []json.RawMessage        `json:"crds"`
	Objects []map[string]interface{} `json:"objects"`
}

type answer struct {
	CRDs    [][]string `json:"crds"`
	Objects [][]string `json:"objects"`
}

type kind struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail(err)
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	kinds := map[string]kind{}
	told := answer{CRDs: [][]string{}, Objects: [][]string{}}
	for _, text := range asked.CRDs {
		name, read, problems := crd(scheme, text)
		kinds[name] = read
		told.CRDs = append(told.CRDs, problems)
	}
	for _, object := range asked.Objects {
		name, _ := object["kind"].(string)
		told.Objects = append(told.Objects, judge(kinds[name], whole(object).(map[string]interface{})))
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		fail(err)
	}
}

func crd(scheme *runtime.Scheme, text []byte) (string, kind, []string) {
	var outer apiextensionsv1.CustomResourceDefinition
	if err := json.Unmarshal(text, &outer); err != nil {
		fail(err)
	}
	scheme.Default(&outer)
	var inner apiextensions.CustomResourceDefinition
	if err := scheme.Convert(&outer, &inner, nil); err != nil {
		fail(err)
	}
	// What the registry fills in before it validates.
	inner.Status.StoredVersions = []string{inner.Spec.Versions[0].Name}
	problems := texts(crdvalidation.ValidateCustomResourceDefinition(context.Background(), &inner))
	properties := inner.Spec.Versions[0].Schema
	if properties == nil {
		properties = inner.Spec.Validation
	}
	structural, err := schema.NewStructural(properties.OpenAPIV3Schema)
	if err != nil {
		fail(err)
	}
	validator, _, err := validation.NewSchemaValidator(properties.OpenAPIV3Schema)
	if err != nil {
		fail(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	return inner.Spec.Names.Kind, kind{structural, validator, rules}, problems
}

func judge(k kind, object map[string]interface{}) []string {
	problems := []string{}
	for _, path := range pruning.PruneWithOptions(object, k.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		problems = append(problems, "unknown field "+path)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	problems = append(problems, texts(validation.ValidateCustomResource(nil, object, k.validator))...)
	problems = append(problems, texts(listtype.ValidateListSetsAndMaps(nil, k.structural, object))...)
	if len(problems) == 0 {
		found, _ := k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
		problems = append(problems, texts(found)...)
	}
	return problems
}

func texts(found field.ErrorList) []string {
	problems := []string{}
	for _, one := range found {
		problems = append(problems, one.Error())
	}
	return problems
}

// whole makes whole numbers of numbers that are, as the API server's own decoder does.
func whole(value interface{}) interface{} {
	switch value := value.(type) {
	case map[string]interface{}:
		for key, item := range value {
			value[key] = whole(item)
		}
	case []interface{}:
		for at, item := range value {
			value[at] = whole(item)
		}
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
